from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands
from tests.integration.cli.gated_runs import Detached, GatedRuns
from tests.integration.cli.numbers import ROWS, numbers
from tests.integration.cli.queried import Queried
from tests.integration.experiments import PEOPLE, Connection, manifest
from tests.integration.gate import Gate


@pytest.fixture
def commands(servers: object, tmp_path: Path) -> Iterator[Commands]:
    """Runs the real command; what is still running when the test ends is killed."""
    made = Commands(tmp_path)
    yield made
    made.end()


@pytest.fixture
def gate(database: Connection, connect: Callable[[], Connection]) -> Iterator[Gate]:
    made = Gate(database, connect)
    yield made
    made.open()


@pytest.fixture
def ledger(name: str, servers: EmbeddedServers) -> str:
    """A ledger of the experiment's own, made already."""
    known = exports(servers)
    made = PostgresLedger(PostgresSession(PostgresAddress(lambda: known)), f"{name}_ledger")
    made.ensure()
    made.close()
    return f"{name}_ledger"


@pytest.fixture
def written(name: str, ledger: str, commands: Commands) -> Callable[..., str]:
    """Writes the manifest of the test's experiment; Postgres alone, one column."""

    def write(rows: int = ROWS, **spec: object) -> str:
        content = manifest(
            name, tables=[numbers(rows)], postgres={"ledgerSchema": ledger}, parquet=None, **spec
        )
        return commands.file(content)

    return write


@pytest.fixture
def detached(commands: Commands) -> Iterator[Detached]:
    made = Detached(commands)
    yield made
    made.end()


@pytest.fixture
def gated(ledger: str, commands: Commands, gate: Gate, detached: Detached) -> GatedRuns:
    return GatedRuns(ledger, commands, gate, detached)


@pytest.fixture(scope="module")
def queried(
    servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Queried]:
    commands = Commands(tmp_path_factory.mktemp("queried"))
    name = f"queried-{uuid.uuid4().hex[:8]}"
    tables = [{**PEOPLE, "rows": 10}]
    file = commands.file(manifest(name, tables=tables, parquet=None))
    mine = manifest(name, tables=tables, parquet=None, postgres={"secretName": "warehouse"})
    assert commands("run", "-f", file, "--progress=none").code == 0
    yield Queried(name, file, commands.file(mine, "own.yaml"), commands, exports(servers))
    commands.end()
