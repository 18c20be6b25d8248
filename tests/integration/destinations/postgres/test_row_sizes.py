"""Where the manifest says that rows and entries end to fit, they end to fit in Postgres."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from psycopg import errors

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.copy.encoding import CopyEncoder
from rowmill.destinations.postgres.tables.constraints import perform, steps
from rowmill.destinations.postgres.tables.staging import create_table
from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Dataset, Spec
from rowmill.spec.load import load_spec
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.values.comparison import compared
from rowmill.spec.values.literals import read_literal
from rowmill.spec.values.types import parse_type
from tests.integration.destinations.postgres.env import Experiment, batches, dataset, table
from tests.postgres_login import connect

Table = dict[str, Any]


def column(name: str, type_text: str, **generate: Any) -> dict[str, Any]:
    return {"name": name, "type": type_text, "generate": generate}


def indexed(*columns: dict[str, Any]) -> Table:
    return {"columns": columns, "indexes": [[each["name"] for each in columns]]}


def random_text(length: int) -> dict[str, Any]:
    return {"pattern": f"[a-zA-Z0-9]{{{length}}}"}


def numbers(count: int) -> dict[str, Any]:
    of = {"integer": {"min": 0, "max": 2**63 - 1}}
    return {"array": {"of": of, "min": count, "max": count}}


def wide(count: int, type_text: str, **generate: Any) -> Table:
    return {"columns": [column(f"c{n}", type_text, **generate) for n in range(count)]}


# Of each the table by a size, the largest size that fits, and the least that is refused; between
# them it depends on how a value happens to be compressed, and there is a warning.
ENTRIES: dict[str, tuple[Callable[[int], Table], int, int]] = {
    "text": (lambda n: indexed(column("a", "text", **random_text(n))), 2692, 2709),
    "two texts": (
        lambda n: indexed(
            column("a", "text", **random_text(n)), column("b", "text", **random_text(n))
        ),
        1344,
        1357,
    ),
    "numbers": (lambda n: indexed(column("a", "bigint[]", **numbers(n))), 334, 343),
}
ROWS: dict[str, tuple[Callable[[int], Table], int, int]] = {
    "bigint": (lambda n: wide(n, "bigint", sequence={}), 1017, 1018),
    "texts that stay": (lambda n: wide(n, "text", pattern="[a-z]{20}"), 387, 388),
    "texts that are moved out": (lambda n: wide(n, "text", pattern="[a-z]{40}"), 452, 453),
}


def spec_of(content: Table, **destinations: Any) -> Spec:
    """The spec of one table of three rows."""
    document = {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "shop"},
        "spec": {"tables": [{"name": "t", "rows": 3, **content}], "destinations": destinations},
    }
    return load_spec("test", text=json.dumps(document))


def unchecked(content: Table) -> Dataset:
    """What the manifest's rules of Postgres do not look at."""
    return spec_of(content, parquet={"bucket": "lake"}).dataset


def land(database: dict[str, str], data: Dataset) -> None:
    """Load the table's rows and make its index."""
    made = data.table("t")
    rows = Generator(data, {}).batch("t", 0, made.rows)
    with connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS sized CASCADE; CREATE SCHEMA sized; BEGIN")
        cursor.execute(create_table("sized", made))
        with cursor.copy("COPY sized.t FROM STDIN (FORMAT binary)") as copy:
            for piece in CopyEncoder(made).encode([rows]):
                copy.write(piece)
        for step in steps(data, "all"):
            perform(cursor, "sized", step)
        cursor.execute("COMMIT")


def refusal(content: Table) -> str:
    with pytest.raises(InvalidManifest) as refused:
        spec_of(content, postgres={})
    return str(refused.value)


@pytest.mark.parametrize("case", ENTRIES)
def test_an_index_is_refused_where_no_entry_fits(database: dict[str, str], case: str) -> None:
    made, most, least = ENTRIES[case]
    spec = spec_of(made(most), postgres={})
    assert spec.surprises == ()
    land(database, spec.dataset)
    assert len(spec_of(made(most + 1), postgres={}).surprises) == 1
    for size in (most + 1, least):
        with pytest.raises(DestinationRefused) as told:
            land(database, unchecked(made(size)))
        assert told.value.reason == "EntryTooLarge"
    assert spec_of(made(least - 1), postgres={}).surprises
    assert "more than the 2,704 that an index of Postgres holds" in refusal(made(least))


@pytest.mark.parametrize("case", ROWS)
def test_a_table_is_refused_where_no_row_fits(database: dict[str, str], case: str) -> None:
    made, most, least = ROWS[case]
    land(database, spec_of(made(most), postgres={}).dataset)
    with pytest.raises(errors.ProgramLimitExceeded, match="row is too big"):
        land(database, unchecked(made(least)))
    assert "more than the 8,160 of a page" in refusal(made(least))


def test_values_that_compress_are_only_warned_of_and_do_fit(database: dict[str, str]) -> None:
    """Blanks, repeats, equal numbers, and letters that share their first bytes."""
    array = {"array": {"of": {"constant": 7}, "min": 1500, "max": 1500}}
    for content in (
        indexed(column("a", "char(5000)", **random_text(20))),
        indexed(column("a", "text", pattern="a{2000}[bc]{4}a{2000}")),
        indexed(column("a", "integer[]", **array)),
        indexed(column("a", "text", pattern="[α-ω]{1347}")),
    ):
        spec = spec_of(content, postgres={})
        assert len(spec.surprises) == 1
        land(database, spec.dataset)


def test_a_char_is_filled_to_its_characters_whatever_their_bytes(
    database: dict[str, str],
) -> None:
    content = indexed(column("a", "char(2600)", pattern="[\u0100-\u07ff]{600}"))
    spec = spec_of(content, postgres={})
    assert "an entry may have 3,216 bytes" in str(spec.surprises[0])
    land(database, unchecked(content | {"indexes": []}))
    with connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT octet_length(a), length(a || '.') FROM sized.t")
        assert {size for size, _ in cursor.fetchall()} == {3200}


@pytest.mark.parametrize(
    ("type_text", "values"),
    [
        ("jsonb", ['{"a":1}', '{"a": 1.0}', '{"a": "1"}', "[0, -0.00]", "[0.0, 0]", "true"]),
        (
            "jsonb",
            ["10", "1e1", "10.00", "1", "100", '{"b": 1.50, "a": 2}', '{"a": 2.0, "b": 1.5}'],
        ),
        ("jsonb[]", ['["1"]', '["1.0"]', '["10"]']),
        ("char(5)", ["a", "a  ", " a", "b"]),
    ],
)
def test_values_are_compared_as_postgres_compares_them(
    database: dict[str, str], type_text: str, values: list[str]
) -> None:
    made = parse_type(type_text)
    read = [compared(read_literal(value, made), made) for value in values]
    sent = ["{" + ",".join(json.loads(value)) + "}" if made.array else value for value in values]
    with connect(database) as connection, connection.cursor() as cursor:
        for left, right in combinations(range(len(values)), 2):
            cursor.execute(f"SELECT %s::{type_text} = %s::{type_text}", (sent[left], sent[right]))
            assert cursor.fetchone() == (read[left] == read[right],)


def test_a_row_that_fits_no_page_ends_in_words_that_say_what_to_change(
    address: PostgresAddress,
) -> None:
    """It is not tried again."""
    names = [f"c{n}" for n in range(1018)]
    shop = Experiment(address, dataset(table("orders", extra=names)))
    run = shop.start()
    loader, batch = shop.loader(run), batches(run)[0]
    with pytest.raises(DestinationRefused, match=r"a row of 'orders' .* 8160.*fewer") as told:
        loader.load(batch, shop.encoded(batch))
    assert (told.value.reason, loader.retries) == ("RowTooLarge", 0)
