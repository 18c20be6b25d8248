from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from experiments import Connection
from older_bed import Left, restored
from older_runs import ENGINE

from rowmill.local.embedded import EmbeddedServers


@pytest.fixture
def left(
    servers: EmbeddedServers,
    database: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Left]:
    """What the older runs left, for this test alone."""
    with restored(servers, database, tmp_path) as made:
        for name, value in made.env.items():
            monkeypatch.setenv(name, value)
        yield made
