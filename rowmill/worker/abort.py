"""End a run that is not to go on; what it made stays."""

from __future__ import annotations

from rowmill.plan.runs import END_UNSEEN, RESUMABLE, Run, RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.reading import abandoned


def abort_run(destinations: Destinations) -> Run | None:
    """End the live or interrupted run as ABORTED; its work stays for a resume.

    Returns the run, or None when there is nothing to abort.
    """
    ledger = destinations.ledger
    runs = ledger.runs.of(destinations.owner) if ledger.found() else []
    for run in reversed(runs):
        if run.state not in RESUMABLE - {RunState.ABORTED}:
            continue
        said = "aborted by `rowmill abort`"
        unseen = {END_UNSEEN: True} if abandoned(run, ledger) else None
        if ledger.runs.transition(
            run.id, RESUMABLE, RunState.ABORTED, message=said, summary=unseen
        ):
            return run.at(RunState.ABORTED)
    return None
