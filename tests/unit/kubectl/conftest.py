from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.kubectl.api_server import EXPERIMENTS, Answers, Server, serving
from tests.unit.kubectl.authority import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secured(authority: Authority, tmp_path: Path) -> Iterator[Server]:
    """A server by TLS, since nothing secret is sent to another."""
    answers: Answers = {("GET", EXPERIMENTS.format("team")): (200, {"items": []})}
    with serving(answers, authority.serving(tmp_path, of_clients=False)) as server:
        yield server
