"""`up`, `down` and `env`: the embedded servers by hand."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from functools import partial

from rowmill.cli.engine import opened
from rowmill.errors import Conflict
from rowmill.local.home.folder import Home, rowmill_home
from rowmill.local.home.liveness import supervised, supervises_unnamed
from rowmill.local.servers import embedded
from rowmill.terminal.failures import UsageError
from rowmill.terminal.output import Output, print_json
from rowmill.terminal.prose import say


def up(output: Output) -> None:
    """Start the servers if they are not up, and say where they are."""
    home = rowmill_home()
    servers = embedded.up(home)
    if output is Output.JSON:
        document = {
            "home": str(home.path),
            "postgres": {"host": servers.postgres.host, "port": servers.postgres.port},
            "s3": {"endpoint": servers.s3.endpoint, "bucket": servers.s3.bucket},
        }
        print_json(document)
        return
    say(f"Postgres: {servers.postgres.host}:{servers.postgres.port}")
    say(f"S3:       {servers.s3.endpoint}, bucket {servers.s3.bucket}")
    say(f'Data in {home.path}; to use them: `eval "$(rowmill env)"`; to stop: `rowmill down`')


def down() -> None:
    """Stop the servers and wait until they are gone.

    Raises:
        Conflict: RunLive, an experiment is run here.
        Refused: FileRefused, the home cannot be read, by which that would be known.
    """
    home = rowmill_home()
    _see_idle(home)
    # Of a run that died there is no last word: what the servers know of it is asked now.
    opened().keep_last_words()
    say("stopped" if embedded.down(home, partial(_see_idle, home)) else "they were not up")


def _see_idle(home: Home) -> None:
    """See that nothing is run here; raises as `down`."""
    if live := supervised(home):
        raise Conflict(
            "RunLive",
            f"{_listed(live)} here now, maybe into these servers; stop that first with "
            f"`rowmill suspend {live[0]}`, or wait for it with `rowmill status {live[0]} -w`",
        )
    if supervises_unnamed(home):
        raise Conflict(
            "RunLive",
            f"an experiment is run here now, maybe into these servers; {home.experiments} could "
            "not take its name, so stop it where it was begun, or wait for its end",
        )


def env() -> None:
    """Print exports that lead psql and any S3 tool to the servers."""
    servers = embedded.running(rowmill_home())
    if servers is None:
        raise UsageError("the embedded servers are not up; start them with: rowmill up")
    for name, value in embedded.exports(servers).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} run"
