"""What the paths of the API work with, and how they get at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from rowmill.console.auth.sessions import Sessions
from rowmill.console.logs import Followers
from rowmill.console.queries import Download, Queries
from rowmill.console.sandbox.sandbox import Sandbox
from rowmill.console.texts import Texts
from rowmill.console.tickets import Tickets
from rowmill.console.verifying import Verifying
from rowmill.console.watching import Watching
from rowmill.engine.interface import Engine


@dataclass(frozen=True)
class Services:
    """One console's; `cookie` is the name of its sessions' cookie, which is `secure` under TLS.

    `planner` is the place, such as `rowmill.local.planning:planned`, of what plans a spec as the
    engine would; `secrets` are files by the name of the secret that they stand for.
    """

    engine: Engine
    planner: str
    secrets: Mapping[str, Path]
    sessions: Sessions
    cookie: str
    secure: bool
    sandbox: Sandbox
    texts: Texts
    queries: Queries
    tickets: Tickets[Download]
    watching: Watching
    followers: Followers
    verifying: Verifying

    def close(self) -> None:
        """End what works in the background."""
        self.queries.close()
        self.watching.close()
        self.followers.close()
        self.verifying.close()
        self.sandbox.close()


def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


Known = Annotated[Services, Depends(_services)]


def _engine(services: Known) -> Engine:
    return services.engine


# The engine that answers this call.
Asked = Annotated[Engine, Depends(_engine)]
