"""Stop a run, for good or for now; what it made stays."""

from __future__ import annotations

from typing import Any

from rowmill.plan.runs import END_UNSEEN, RESUMABLE, SUSPENDED, Run, RunState, because
from rowmill.worker.destinations import Destinations
from rowmill.worker.reading import abandoned, own_runs

# What was begun and has not ended, and is not being published, from which there is no way back.
_AT_WORK = frozenset({RunState.RUNNING, RunState.FINALIZING})


def abort_run(destinations: Destinations) -> Run | None:
    """End the live, interrupted or suspended run as ABORTED; its work stays for a resume.

    Returns the run, or None when there is nothing to abort: one that is PUBLISHING goes forward.
    """
    for run in _newest_first(destinations):
        if run.state in RESUMABLE - {RunState.ABORTED} or run.suspended:
            said = "aborted by `rowmill abort`"
            if stopped := _stop(run, RESUMABLE, destinations, said):
                return stopped
    return None


def suspend_run(destinations: Destinations) -> Run | None:
    """Stop the live or interrupted run, to go on later: ABORTED, reason Suspended.

    Its supervisor, wherever that is, ends. Returns the run, or None when there is nothing to
    suspend: one that is PUBLISHING goes forward, one that has ended can be resumed as it is.
    """
    for run in _newest_first(destinations):
        if run.state in _AT_WORK:
            said = "suspended by `rowmill suspend`"
            if stopped := _stop(run, _AT_WORK, destinations, said, because(SUSPENDED, said)):
                return stopped
    return None


def _newest_first(destinations: Destinations) -> list[Run]:
    return own_runs(destinations)[::-1]


def _stop(
    run: Run,
    states: frozenset[RunState],
    destinations: Destinations,
    message: str,
    facts: dict[str, Any] | None = None,
) -> Run | None:
    """Move a run that is in one of `states` to ABORTED, behind the fence; None if it is in none."""
    ledger = destinations.ledger
    unseen = {END_UNSEEN: True} if abandoned(run, ledger) else {}
    moved = ledger.runs.transition(
        run.id, states, RunState.ABORTED, message=message, summary={**unseen, **(facts or {})}
    )
    return ledger.runs.find(run.id) if moved else None
