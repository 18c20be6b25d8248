"""Remove an experiment's data, for `delete` its records too: only what the ledger calls ours."""

from __future__ import annotations

from contextlib import suppress

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger import RESUMABLE, Run, RunState
from rowmill.spec.problems import InvalidManifest
from rowmill.worker.destinations import Destinations
from rowmill.worker.earlier import lake_of
from rowmill.worker.publish import roll_forward


def abort(destinations: Destinations) -> Run | None:
    """End the live or interrupted run as ABORTED; its work stays for a resume.

    Returns the run, or None when there is nothing to abort.
    """
    ledger = destinations.ledger
    runs = ledger.runs(destinations.owner) if ledger.found() else []
    for run in reversed(runs):
        if run.state in RESUMABLE - {RunState.ABORTED} and ledger.transition(
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


def purge(destinations: Destinations, uid: str) -> bool:
    """Remove the data and every record of the Experiment `uid` of a cluster.

    No supervisor holds it there: its Jobs are gone by now, and what a lost pod may still do is
    fenced, as is all else of a run that is not in the ledger.

    Returns:
        Whether there was anything: not if it never began a run and repeated none, nor if another
        Experiment of the same name has begun one since, whose data it is then.
    """
    ledger, owner = destinations.ledger, destinations.owner
    if not ledger.found():
        return False
    with ledger.preparing(owner):
        present = ledger.uid(owner)
        if present is None or (present != uid and uid in ledger.uids(owner)):
            return False
        _remove_held(destinations)
        ledger.forget_experiment(owner)
    return True


def _remove_data(destinations: Destinations) -> None:
    destinations.ledger.ensure()
    with destinations.ledger.preparing(destinations.owner):
        _remove_held(destinations)


def _remove_held(destinations: Destinations) -> None:
    """Remove the data, under the ledger's lock."""
    ledger = destinations.ledger
    for run in ledger.runs(destinations.owner):
        if run.state is RunState.PUBLISHING:
            _complete_if_possible(run, destinations)
    runs = ledger.runs(destinations.owner)
    for run in runs:
        # First the state, behind the fence: a stale worker cannot write after it.
        ledger.transition(run.id, RESUMABLE | {RunState.PUBLISHING}, RunState.RESET)
        if destinations.warehouse is not None:
            destinations.warehouse.drop_staging(run.id)
    if destinations.warehouse is not None:
        destinations.warehouse.remove_tables()
    if destinations.lake is not None and destinations.lake.there():
        destinations.lake.remove()
    for run in runs:
        # An earlier run may have gone to another bucket or prefix.
        with lake_of(run, destinations) as lake:
            if lake is not None:
                lake.abort_uploads(run.id)
                lake.remove()
    for run in runs:
        ledger.forget_work(run.id)
        # Last, since dependants can refuse the removal: readers would still see the run.
        ledger.transition(run.id, frozenset({RunState.COMPLETED}), RunState.RESET)


def _complete_if_possible(run: Run, destinations: Destinations) -> None:
    """Give a half published run's objects their record, by which the removal finds them all.

    If its bucket or manifest is gone for good, what is left of it must not block the removal.
    """
    with suppress(DestinationRefused, InvalidManifest):
        roll_forward(run, destinations)
