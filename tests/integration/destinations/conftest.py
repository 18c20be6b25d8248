from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest
from psycopg import sql

from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.postgres_login import connect


@pytest.fixture(scope="session")
def postgres_environment(servers: EmbeddedServers) -> dict[str, str]:
    """The PG... variables of the embedded server."""
    return {name: value for name, value in exports(servers).items() if name.startswith("PG")}


@pytest.fixture
def database(postgres_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """A database of the test's own, by its PG... variables."""
    name = f"test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    with connect(postgres_environment) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield {**postgres_environment, "PGDATABASE": name}
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            admin.execute(drop)


@pytest.fixture
def address(database: dict[str, str]) -> PostgresAddress:
    return PostgresAddress(lambda: database, patience=Patience(seconds=30))


@pytest.fixture
def role(database: dict[str, str]) -> Iterator[Callable[[str], dict[str, str]]]:
    """Makes a role without rights; returns the PG... variables that log in as it."""
    made: list[str] = []

    def make(prefix: str) -> dict[str, str]:
        name = f"{prefix} {uuid.uuid4().hex[:8]}"
        with connect(database) as admin:
            admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'of-the-test-role'").format(
                    sql.Identifier(name)
                )
            )
        made.append(name)
        return {**database, "PGUSER": name, "PGPASSWORD": "of-the-test-role"}

    yield make
    with connect(database) as admin:
        for name in made:
            admin.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))


@pytest.fixture
def loader(database: dict[str, str], role: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """The PG... variables of a role that may make schemas, and no more."""
    made = role("loader")
    with connect(database) as admin:
        admin.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                sql.Identifier(database["PGDATABASE"]), sql.Identifier(made["PGUSER"])
            )
        )
    return made
