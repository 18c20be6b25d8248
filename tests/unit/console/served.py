"""A console in this process, over an engine that the test gives, as httpx calls it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from rowmill.console.app import application
from rowmill.console.auth.origins import Reach
from rowmill.console.auth.sessions import Sessions
from rowmill.console.logs import Followers
from rowmill.console.queries import Queries
from rowmill.console.sandbox.sandbox import Sandbox
from rowmill.console.services import Services
from rowmill.console.texts import Texts
from rowmill.console.tickets import Tickets
from rowmill.console.verifying import Verifying
from rowmill.console.watching import Watching

COOKIE = "rowmill_8470"
HOST = "http://127.0.0.1:8470"


@contextmanager
def served(
    folder: Path, engine: Any, reach: Reach | None = None, **given: Any
) -> Iterator[TestClient]:
    """A client that carries nothing yet."""
    services = Services(
        engine=engine,
        planner="rowmill.local.planning:planned",
        secrets={},
        sessions=Sessions(folder, 8470),
        cookie=COOKIE,
        secure=False,
        sandbox=Sandbox(**given),
        texts=Texts(),
        queries=Queries(),
        tickets=Tickets(),
        watching=Watching(engine),
        followers=Followers(),
        verifying=Verifying(),
    )
    with TestClient(
        application(services, reach or Reach()), base_url=HOST, raise_server_exceptions=False
    ) as client:
        yield client


def token(folder: Path) -> dict[str, str]:
    """What a script sends."""
    return {"Authorization": f"Bearer {(folder / 'token').read_text().strip()}"}
