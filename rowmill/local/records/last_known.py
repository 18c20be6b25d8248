"""What ROWMILL_HOME knows of an experiment's newest run while the embedded servers are down."""

from __future__ import annotations

from dataclasses import replace

from rowmill.engine.records import AT_WORK, Progress, State
from rowmill.errors import NotFound
from rowmill.local.connections import ServersDown
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import is_supervised

_DOWN = "the embedded servers are down: this is what was last known"


def last_known(home: Home, name: str, number: int | None) -> Progress:
    """How far the newest run was when somebody last looked.

    A run that was at work then is interrupted, unless its supervisor still waits for the servers.

    Raises:
        ServersDown: nobody looked yet.
        NotFound: RunUnknown, it is not run `number`, and of others nothing is known here.
    """
    progress = remembered.last_progress(home, name)
    if progress is None:
        raise ServersDown
    run = progress.run
    if number not in (None, run.number):
        raise NotFound(
            "RunUnknown", f"{_DOWN} of run {run.number}; of run {number}: rowmill up, and ask again"
        )
    if run.state in AT_WORK and not is_supervised(home, name):
        run = replace(run, state=State.INTERRUPTED)
    message = "; ".join(filter(None, (run.message, _DOWN)))
    return replace(progress, run=replace(run, message=message))
