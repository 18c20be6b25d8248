from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.cli.commands import Commands
from tests.integration.experiments import Connection
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
