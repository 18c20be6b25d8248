from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pytest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.worker.destinations import Connections, Destinations
from tests.integration.experiments import Connection, Manifest
from tests.integration.worker.env import Env
from tests.integration.worker.owners import Owner, Owners


@pytest.fixture
def reach(servers: EmbeddedServers) -> Connections:
    known = KnownCredentials(exports(servers))
    return Connections("tests", known, known)


@pytest.fixture
def opened(reach: Connections) -> Iterator[Callable[[Manifest], tuple[Env, Destinations]]]:
    """Opens a manifest's destinations, which are closed when the test ends."""
    with ExitStack() as stack:

        def open_manifest(content: Manifest) -> tuple[Env, Destinations]:
            env = Env(content, reach)
            return env, stack.enter_context(closing(env.open_destinations()))

        yield open_manifest


@pytest.fixture
def owner_of(reach: Connections) -> Iterator[Owners]:
    """Opens a manifest for an engine; what other servers it reaches, by keyword."""
    with ExitStack() as stack:

        def open_for(engine: str, content: Manifest, **reached: Any) -> Owner:
            env = Env(content, replace(reach, engine=engine, **reached))
            return Owner(env, stack.enter_context(closing(env.open_destinations())))

        yield open_for


@pytest.fixture
def names_of(database: Connection) -> Callable[..., list[str]]:
    """The names that an owner has in a ledger."""

    def find(owner: Owner, ledger: str = "rowmill") -> list[str]:
        query = f"SELECT table_name FROM {ledger}.tables WHERE owner = %s ORDER BY 1"
        return [row[0] for row in database.execute(query, (owner.key,)).fetchall()]

    return find
