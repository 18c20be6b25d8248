"""What ROWMILL_HOME knows of an experiment's newest run while its ledger cannot be asked."""

from __future__ import annotations

from dataclasses import replace

from rowmill.engine.records import AT_WORK, Progress, RunRecord, State
from rowmill.engine.verdict import left_alone
from rowmill.errors import NotFound, RowmillError
from rowmill.local.connections import ServersDown
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import is_supervised
from rowmill.spec.load import LOCAL_NAMESPACE

_DOWN = "the embedded servers are down: this is what was last known"

_AWAY = "it cannot be looked at now"


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
    if run.at_work and not is_supervised(home, name):
        if run.state in AT_WORK:
            run = replace(run, state=State.INTERRUPTED)
        elif run.number is not None:
            run = replace(run, verification=left_alone(run.number))
    return _of_then(progress, replace(run, message=_joined(run.message, _DOWN)))


def out_of_reach(home: Home, name: str, error: RowmillError) -> Progress:
    """As `last_known`, where `error` keeps who looks now from the ledger; UNKNOWN if nobody looked.

    What was at work then may be so still, on another machine.
    """
    progress = remembered.last_progress(home, name)
    if progress is None:
        run = RunRecord(experiment=name, namespace=LOCAL_NAMESPACE, state=State.UNKNOWN)
        return Progress(replace(run, reason=error.reason, message=_AWAY))
    message = _joined(progress.run.message, f"{_AWAY}: this is what was last known")
    return _of_then(progress, replace(progress.run, reason=error.reason, message=message))


def _of_then(progress: Progress, run: RunRecord) -> Progress:
    """Without what is true of a moment alone: a rate, when it would be done, what is done now."""
    return Progress(run, progress.tables, last_updated=progress.last_updated)


def _joined(*sentences: str) -> str:
    return "; ".join(filter(None, sentences))
