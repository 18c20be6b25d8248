"""`console`: the REST API of this machine's experiments."""

from __future__ import annotations

import shlex
from pathlib import Path

from rowmill.cli.engine import opened
from rowmill.cli.sources import secret_files
from rowmill.console.app import application
from rowmill.console.auth.sessions import Sessions, cookie_name
from rowmill.console.logs import Followers
from rowmill.console.queries import Queries
from rowmill.console.sandbox.sandbox import Sandbox
from rowmill.console.services import Services
from rowmill.console.serving import Place, address, bind, serve
from rowmill.console.texts import Texts
from rowmill.console.tickets import Tickets
from rowmill.console.verifying import Verifying
from rowmill.console.watching import Watching
from rowmill.local.home.folder import rowmill_home
from rowmill.terminal.prose import say


def console(
    host: str,
    port: int | None,
    secrets: list[str] | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    behind_proxy: str | None,
    allow_host: list[str] | None,
) -> None:
    """Serve until it is interrupted."""
    place = Place(host, port, tls_certificate, tls_key, behind_proxy, allow_host or ())
    place.check()
    files = secret_files(secrets)
    engine = opened()
    with bind(place) as listening:
        bound = listening.getsockname()[1]
        sessions = Sessions(rowmill_home().path / "console", bound)
        services = Services(
            engine=engine,
            planner="rowmill.local.planning:planned",
            secrets=files,
            sessions=sessions,
            cookie=cookie_name(bound, tls=place.secure),
            secure=place.secure,
            sandbox=Sandbox(),
            texts=Texts(),
            queries=Queries(),
            tickets=Tickets(),
            watching=Watching(engine),
            followers=Followers(),
            verifying=Verifying(),
        )
        where = address(place, listening)

        def begun() -> None:
            say(f"The API is at {where}api, its description at {where}api/openapi.json")
            say(f"Scripts send the token in {sessions.token_file}, such as:")
            file = shlex.quote(str(sessions.token_file))
            say(f'  curl -H "Authorization: Bearer $(cat {file})" {where}api/experiments')

        serve(application(services, place.reach), place, listening, begun)
