from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from rowmill.destinations.postgres.ledger.advisory_locks import seconds_to_return
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, down, exports
from tests.integration.experiments import Connection
from tests.postgres_login import connect as login


@pytest.fixture
def name() -> str:
    """An experiment's name that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def connect(servers: EmbeddedServers) -> Callable[[], Connection]:
    """Makes connections of the test's own, as the embedded server's superuser."""
    return partial(login, exports(servers))


@pytest.fixture
def database(connect: Callable[[], Connection]) -> Iterator[Connection]:
    with connect() as connection:
        yield connection


@pytest.fixture
def long_started(database: Connection) -> None:
    """Waits until the server leaves nobody the time any more to take a lock back."""
    while seconds := seconds_to_return(database.cursor()):
        time.sleep(seconds)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Home]:
    """A home of the test's own, with a name that needs quoting everywhere."""
    home = Home(tmp_path / "it's 100%$")
    yield home
    down(home)
