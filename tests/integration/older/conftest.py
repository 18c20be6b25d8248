from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rowmill.local.servers.embedded import EmbeddedServers
from tests.history import NO_HISTORY, full_hash
from tests.integration.experiments import Connection
from tests.integration.older.old_tree import OldTree
from tests.integration.older.older_env import Left, restored
from tests.integration.older.older_runs import COMMIT


@pytest.fixture
def tree(left: Left, tmp_path: Path) -> OldTree:
    """The tree of the commit that left them, whose commands are of the same engine and home."""
    if full_hash(COMMIT) is None:
        pytest.skip(f"{NO_HISTORY} {COMMIT}")
    return OldTree.of(COMMIT, tmp_path / "tree", left.env)


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
