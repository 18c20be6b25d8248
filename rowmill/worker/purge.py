"""Remove an experiment's data, for `delete` its records too: only what the ledger calls ours."""

from __future__ import annotations

from rowmill.destinations.ledger import RESUMABLE, Run, RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.publish import roll_forward


def abort(destinations: Destinations) -> Run | None:
    """End the live or interrupted run as ABORTED; its work stays for a resume.

    Returns the run, or None when there is nothing to abort.
    """
    runs = destinations.ledger.runs(destinations.owner)
    for run in reversed(runs):
        if run.state in RESUMABLE - {RunState.ABORTED} and destinations.ledger.transition(
            run.id, RESUMABLE, RunState.ABORTED, message="aborted by `rowmill abort`"
        ):
            return run.at(RunState.ABORTED)
    return None


def reset(destinations: Destinations) -> None:
    """Remove the data of all runs, published and staged; the records stay, as RESET."""
    with destinations.ledger.hold_experiment(destinations.owner):
        _remove_data(destinations)


def delete(destinations: Destinations) -> None:
    """Remove the data and every record of the experiment."""
    with destinations.ledger.hold_experiment(destinations.owner):
        _remove_data(destinations)
        destinations.ledger.forget_experiment(destinations.owner)


def _remove_data(destinations: Destinations) -> None:
    ledger = destinations.ledger
    with ledger.preparing(destinations.owner):
        for run in ledger.runs(destinations.owner):
            if run.state is RunState.PUBLISHING:
                roll_forward(run, destinations)
        runs = ledger.runs(destinations.owner)
        for run in runs:
            # First the state, behind the fence: a stale worker cannot write after it.
            ledger.transition(run.id, RESUMABLE, RunState.RESET)
            if destinations.warehouse is not None:
                destinations.warehouse.drop_staging(run.id)
            if destinations.lake is not None:
                destinations.lake.abort_uploads(run.id)
        if destinations.warehouse is not None:
            destinations.warehouse.remove_tables()
        if destinations.lake is not None:
            destinations.lake.remove()
        for run in runs:
            # Last, since dependants can refuse the removal: readers would still see the run.
            ledger.transition(run.id, frozenset({RunState.COMPLETED}), RunState.RESET)
