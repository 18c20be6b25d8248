from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from experiments import Connection

from rowmill.local.embedded import EmbeddedServers


@pytest.fixture
def name() -> str:
    """An experiment's name that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def connect(servers: EmbeddedServers) -> Callable[[], Connection]:
    """Makes connections of the test's own, as the embedded server's superuser."""
    server = servers.postgres

    def make() -> Connection:
        return psycopg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            dbname=server.dbname,
            autocommit=True,
        )

    return make


@pytest.fixture
def database(connect: Callable[[], Connection]) -> Iterator[Connection]:
    with connect() as connection:
        yield connection
