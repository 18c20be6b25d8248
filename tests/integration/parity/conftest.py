"""A home of a test's own, its folder of manifests, and a gate at which its runs stand still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands
from tests.integration.experiments import PEOPLE, manifest
from tests.integration.gate import Gate
from tests.postgres_login import connect as login

LEDGER = "rowmill"
TABLES = [{**PEOPLE, "rows": 3_000}]


@contextmanager
def gate_in(servers: EmbeddedServers) -> Iterator[Gate]:
    """A gate that can be closed once in the ledger, and is open in the end."""
    connect = partial(login, exports(servers))
    with connect() as database:
        gate = Gate(database, connect)
        try:
            yield gate
        finally:
            gate.open()


@pytest.fixture
def home(own: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of the test's own, and a folder with its manifests as the working directory."""
    monkeypatch.setenv("ROWMILL_HOME", str(own.path))
    monkeypatch.chdir(tmp_path)
    return own


@pytest.fixture
def commands(home: Home, tmp_path: Path) -> Iterator[Commands]:
    made = Commands(tmp_path)
    # Of `own` are the tables that `shop` wants, until they are adopted.
    target = {"schema": "shop", "secretName": "warehouse"}
    made.file(manifest("shop", tables=TABLES, parquet=None), "shop.yaml")
    made.file(manifest("own", tables=TABLES, parquet=None, postgres=target), "own.yaml")
    verified = manifest("verified", tables=TABLES, parquet=None, verify="AfterRun")
    made.file(verified, "verified.yaml")
    yield made
    made.end()
