from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.ledger import Ledger
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.worker.destinations import Connections
from tests.integration.experiments import Connection, Manifest, manifest
from tests.integration.gate import Gate
from tests.integration.job.job_env import ENGINE, Pods


@pytest.fixture(scope="session")
def known(servers: EmbeddedServers) -> dict[str, str]:
    """The variables of the embedded servers."""
    return exports(servers)


@pytest.fixture
def reach(known: dict[str, str]) -> Connections:
    credentials = KnownCredentials(known)
    return Connections(ENGINE, credentials, credentials)


@pytest.fixture
def pods(tmp_path: Path, known: dict[str, str]) -> Iterator[Pods]:
    """Starts pods; what is still running when the test ends is killed."""
    secrets = {
        destination: {key: value for key, value in known.items() if key.startswith(prefix)}
        for destination, prefix in (("postgres", "PG"), ("parquet", "AWS_"))
    }
    made = Pods(tmp_path / "pod", secrets)
    yield made
    made.kill()


@pytest.fixture
def ledger(name: str, known: dict[str, str]) -> Iterator[Ledger]:
    """The ledger of the experiment's own in Postgres, in schema NAME_ledger, made already."""
    made = PostgresLedger(PostgresSession(PostgresAddress(lambda: known)), f"{name}_ledger")
    made.ensure()
    yield made
    made.close()


@pytest.fixture
def content(name: str, ledger: Ledger) -> Callable[..., Manifest]:
    """Makes the experiment's manifest, whose Secrets are warehouse and lake."""

    def make(**changes: object) -> Manifest:
        given: dict[str, object] = {
            "postgres": {"secretName": "warehouse", "ledgerSchema": f"{name}_ledger"},
            "parquet": {"secretName": "lake"},
            **changes,
        }
        return manifest(name, **given)  # type: ignore[arg-type] # fields of any type

    return make


@pytest.fixture
def gate(database: Connection, connect: Callable[[], Connection]) -> Iterator[Gate]:
    made = Gate(database, connect)
    yield made
    made.open()
