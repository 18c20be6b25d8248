"""What users put on published tables is there after the next run, or refused before its load.

The table in docs/architecture.md says of everything which of these it is; the first tests here walk
that table, and pg_dump is their witness.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.local.servers.postgres import binaries
from rowmill.spec.dataset import Dataset
from tests.integration.destinations.postgres.env import (
    Experiment,
    all_rows,
    column,
    dataset,
    two_tables,
)
from tests.integration.destinations.postgres.user_additions import ADDITIONS, Kept, Refused
from tests.postgres_login import connect

_DOCS = Path(__file__).parents[4] / "docs" / "architecture.md"
_HEADING = "### What users put on published tables"


def _documented() -> dict[str, str]:
    """What becomes of each thing, by the documentation."""
    section = _DOCS.read_text().partition(_HEADING)[2].partition("\n#")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:2] == "| "]
    return {row[0]: row[1] for row in rows[1:]}


DOCUMENTED = _documented()


def shop_data(rows: int = 10) -> Dataset:
    """Orders, with a note that may be null, and lines."""
    orders, lines = two_tables(rows).tables
    note = column("note", "text", nullable=True)
    return dataset(replace(orders, columns=(*orders.columns, note)), lines)


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, shop_data())


@pytest.fixture
def names(
    database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> Iterator[dict[str, str]]:
    """What stands for the words in braces in the statements of a case."""
    roles = {word: f'"{role(word)["PGUSER"]}"' for word in ("role", "other")}
    space = f"space {database['PGDATABASE']}"
    with connect(database) as admin:
        admin.execute("SET allow_in_place_tablespaces = on")
        admin.execute(f"CREATE TABLESPACE \"{space}\" LOCATION ''")
        admin.execute("CREATE SCHEMA shop")
        admin.execute(f"GRANT ALL ON SCHEMA shop, public TO {roles['role']}")
    yield {**roles, "me": database["PGUSER"], "space": f'"{space}"'}
    with connect(database) as admin:
        admin.execute("DROP SCHEMA IF EXISTS shop CASCADE")
        admin.execute(f'DROP TABLESPACE "{space}"')


def dump(database: dict[str, str]) -> str:
    """The database's definition without the ledger, as pg_dump writes it."""
    command = [str(binaries() / "pg_dump"), "--schema-only", "--exclude-schema=rowmill"]
    done = subprocess.run(
        command, env=os.environ | database, capture_output=True, text=True, check=True
    )
    return re.sub(r"(?m)^\\(un)?restrict .*\n", "", done.stdout)


def put(database: dict[str, str], statements: tuple[str, ...], names: dict[str, str]) -> None:
    with connect(database) as admin:
        for statement in statements:
            for word, value in names.items():
                statement = statement.replace(f"{{{word}}}", value)
            admin.execute(statement)


def test_the_documentation_has_every_case_and_no_other() -> None:
    told = {name: fate.split(",")[0] for name, fate in DOCUMENTED.items()}
    assert told == {name: case.fate for name, case in ADDITIONS.items()}


@pytest.mark.parametrize("name", [n for n, case in ADDITIONS.items() if isinstance(case, Kept)])
def test_what_is_said_to_stay_is_there_after_the_next_run(
    shop: Experiment, database: dict[str, str], names: dict[str, str], name: str
) -> None:
    case = ADDITIONS[name]
    assert isinstance(case, Kept)
    shop.complete()
    bare = dump(database)
    put(database, case.statements, names)
    before = dump(database)
    assert before != bare or case.probe != "SELECT 1"
    with connect(database) as admin:
        # pg_stats tells something only of analysed tables.
        admin.execute("ANALYZE shop.orders; ANALYZE shop.lines")
        answer = all_rows(admin, case.probe)
        oid = all_rows(admin, "SELECT 'shop.orders'::regclass::oid")
        shop.complete()
        assert dump(database) == before
        assert all_rows(admin, case.probe) == answer
        assert all_rows(admin, "SELECT 'shop.orders'::regclass::oid") != oid
        assert all_rows(admin, "SELECT count(*) FROM shop.orders") == [(10,)]


@pytest.mark.parametrize("name", [n for n, case in ADDITIONS.items() if isinstance(case, Refused)])
def test_what_is_said_to_be_refused_is_named_before_the_load(
    shop: Experiment, database: dict[str, str], names: dict[str, str], name: str
) -> None:
    case = ADDITIONS[name]
    assert isinstance(case, Refused)
    shop.complete()
    put(database, case.statements, names)
    before = dump(database)
    with pytest.raises(DestinationRefused, match=re.escape(case.named)) as refusal:
        shop.start()
    assert refusal.value.reason == "DependantsInTheWay"
    assert dump(database) == before
