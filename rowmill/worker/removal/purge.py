"""Remove an experiment's data, and its records if asked to: only what the ledger calls ours.

What is told of it is what was found and removed: a database or an S3 to which other credentials
lead by now holds none of it, and that is no success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.ledger import ExperimentHold
from rowmill.destinations.patience import Patience
from rowmill.destinations.retries import persist
from rowmill.errors import Conflict, NotFound
from rowmill.plan.purging import PurgeEnd, Written
from rowmill.plan.runs import UNFINISHED, Run, RunState
from rowmill.spec.cluster_names import ASK_RESET, SKIP_PURGE
from rowmill.worker.destinations import Destinations, engine_of
from rowmill.worker.holding import held
from rowmill.worker.removal.removed import (
    Purged,
    Removed,
    Whose,
    begun_since,
    published_since,
    whose,
)
from rowmill.worker.removal.removing import forget_steps, remove_data

_PURGE_CURE = (
    "Set the Secret back, and the purge goes on within a minute or so; or let the Experiment go "
    f'without its data by the annotation {SKIP_PURGE}: "true"'
)
_RESET_CURE = (
    "Set the Secret back, and the reset goes on within a minute or so; or take the annotation "
    f"{ASK_RESET} away"
)
_CURE = (
    "See that the credentials lead where its runs went; to leave its objects there, give a "
    "manifest without destinations.parquet by -f FILE"
)


def reset(destinations: Destinations) -> Removed:
    """Remove the data of all runs, published and staged; the records stay, as RESET.

    Raises:
        NotFound: the experiment is not known where these credentials lead; nothing was removed.
        DestinationRefused: DataNotFound, its objects are not there; nothing was removed.
    """
    return _remove(destinations, lambda: forget_steps([destinations]))


def delete(destinations: Destinations) -> Removed:
    """Remove the data and every record of the experiment; raises as `reset`."""
    owner = destinations.owner
    return _remove(destinations, lambda: destinations.ledger.forget_experiment(owner))


def former_engines(
    destinations: Destinations, uid: str, written: Written | None, adopt: str | None
) -> list[str]:
    """Engines of other operators under whose owner keys the Experiment `uid` has data still.

    One that has taken it over has its data only once a run of its own is published.

    Args:
        adopt: the owner from whom the newest run was to take its targets over, if any.
    """
    ledger = destinations.ledger
    if not ledger.found():
        return []
    run = ledger.runs.find(written.run_id) if written is not None and written.run_id else None
    owners = {adopt} if adopt is not None and uid in ledger.runs.uids(adopt) else set()
    owners |= {run.owner} if run is not None else set()
    engines = (engine_of(owner, destinations.spec) for owner in owners - {destinations.owner})
    return sorted(engine for engine in engines if engine is not None)


def is_known_to_any_engine(destinations: Destinations) -> bool:
    """Whether records or data tell of an experiment of this name, of whatever ROWMILL_ENGINE."""
    ledger, warehouse, lake = destinations.ledger, destinations.warehouse, destinations.lake
    owners: list[str | None] = []
    if ledger.found():
        owners += ledger.runs.owners()
        owners += [warehouse.data_owner()] if warehouse is not None else []
    if lake is not None and lake.there():
        owners.append(lake.data_owner())
    return any(engine_of(owner, destinations.spec) is not None for owner in owners if owner)


def purge(
    destinations: Destinations,
    uid: str,
    written: Written | None,
    report: Callable[[Purged], None],
    former: Sequence[Destinations] = (),
) -> Purged:
    """Remove the data and every record of the Experiment `uid` of a cluster.

    No supervisor holds it there: its Jobs are gone by now, and what a lost pod may still do is
    fenced, as is all else of a run that is not in the ledger.

    Args:
        written: the run that is known to have written data, None if none is.
        report: told what was removed before the records go, by which another try would find it;
            may raise to end this one.
        former: the destinations under the owner keys of `former_engines`.

    Raises:
        DestinationRefused: DataNotFound, data was written and is not where the Secret leads;
            nothing was removed.
    """
    ledger = destinations.ledger
    with _owned(destinations, uid, written, former) as (ours, found):
        if written is None and ledger.found() and ledger.runs.uid(destinations.owner) is None:
            _release_claims(destinations)
        if not ours:
            return _untouched(found, destinations, written, _PURGE_CURE)
        since = published_since(_runs(ours), uid, written)
        if since is not None and written is not None:
            message = (
                f"run {since.number} of {since.owner} was published since run {written.number}, "
                "by which this Experiment knows its data: nothing was removed"
            )
            return Purged(PurgeEnd.TAKEN, message, Removed())
        purged = Purged.of(remove_data(ours, _PURGE_CURE))
        report(purged)
        for each in ours:
            ledger.forget_experiment(each.owner)
    return purged


def reset_run(
    destinations: Destinations,
    uid: str,
    number: int,
    written: Written | None,
    report: Callable[[Purged], None],
    former: Sequence[Destinations] = (),
) -> Purged:
    """Remove the data of all runs of the Experiment `uid` of a cluster; the records stay, as RESET.

    Only while run `number` is its newest, or where it is not in the ledger, the run that it is
    known to have written: a wish that comes with a restored or copied object is older than what has
    been made since. Its Jobs are gone by now, as of a purge.

    Args:
        written, former: as of `purge`.
        report: told what was removed before the steps are forgotten, by which another try would
            tell of it; may raise to end this one.

    Raises:
        DestinationRefused: DataNotFound, as of `purge`. DependantsInTheWay.
    """
    with _owned(destinations, uid, written, former) as (ours, found):
        if not ours:
            return _untouched(found, destinations, written, _RESET_CURE)
        since = begun_since(_runs(ours), uid, number, written)
        if since is not None:
            message = f"run {since.number} of {since.owner} was begun since run {number}"
            return Purged(PurgeEnd.TAKEN, f"{message}: nothing was removed", Removed())
        purged = Purged.of(remove_data(ours, _RESET_CURE))
        report(purged)
        forget_steps(ours)
    return purged


@contextmanager
def _owned(
    destinations: Destinations, uid: str, written: Written | None, former: Sequence[Destinations]
) -> Iterator[tuple[list[Destinations], Whose]]:
    """The destinations under each owner key that the Experiment's data bears, their locks held.

    With them whose the data under its present owner key is.
    """
    ledger, every = destinations.ledger, (destinations, *former)
    if not ledger.found() or (written is not None and not any(map(_is_known, every))):
        yield [], Whose.UNKNOWN
        return
    with ExitStack() as locks:
        for each in every:
            locks.enter_context(ledger.locks.preparing(each.owner))
        theirs = [of for of in former if _whose(of, uid, written) is Whose.OURS]
        found = _whose(destinations, uid, None if theirs else written)
        # Beside theirs, what a prepare had claimed that came to no run is its own as well.
        own = found is Whose.OURS or (found is Whose.UNKNOWN and theirs)
        yield [*([destinations] if own else []), *theirs], found


def _runs(owners: Sequence[Destinations]) -> list[Run]:
    return [run for of in owners for run in of.ledger.runs.of(of.owner)]


def _whose(destinations: Destinations, uid: str, written: Written | None) -> Whose:
    ledger, owner = destinations.ledger, destinations.owner
    run = ledger.runs.find(written.run_id) if written is not None and written.run_id else None
    ours = run if run is not None and run.owner == owner else None
    return whose(ledger.runs.uid(owner), ledger.runs.uids(owner), uid, written, ours)


def _untouched(
    found: Whose, destinations: Destinations, written: Written | None, cure: str
) -> Purged:
    owner, place = destinations.owner, _ledger_place(destinations)
    if found is Whose.ANOTHERS:
        message = f"the data of {owner} in {place} is another Experiment's of this name, and stays"
        return Purged(PurgeEnd.TAKEN, message, Removed())
    if written is None:
        message = f"nothing of {owner} was found in {place}, and no run of it is known to have "
        return Purged(PurgeEnd.NOTHING, f"{message}written there", Removed())
    which = f" ({written.run_id})" if written.run_id else ""
    raise DestinationRefused(
        "DataNotFound",
        f"run {written.number}{which} of {owner} has written data, and {place} does not know it: "
        "its Secret leads elsewhere than it did, or the ledger was removed. Nothing was removed. "
        f"{cure}",
    )


def _release_claims(destinations: Destinations) -> None:
    """Give up what a prepare that crashed before its run began holds of the targets.

    Under the ledger's lock, by which an owner of whom it has no run has none at work either; nor
    has a later Experiment of the same name, which would have to prepare first.
    """
    warehouse, lake = destinations.warehouse, destinations.lake
    # Names are claimed before the prefix and given up after it: without any, the bucket need not
    # be asked, which may be out of reach, and may be why there never was a run.
    if lake is not None and (warehouse is None or warehouse.holds_names()) and lake.there():
        lake.release()
    if warehouse is not None:
        warehouse.release()
    destinations.ledger.forget_experiment(destinations.owner)


def _remove(destinations: Destinations, forget: Callable[[], None]) -> Removed:
    """Remove the data of an experiment of this machine, and then its records by `forget`.

    A restart of the server ends both locks; the hold is taken back unless another run has it.

    Raises:
        Conflict: LiveRunElsewhere, another has the hold: nothing more was removed. Or a run was
            begun meanwhile; its records stay. Or one that was under way was published meanwhile:
            who asked did not know of its data.
    """
    ledger, owner = destinations.ledger, destinations.owner
    if not _is_known(destinations):
        raise _not_known(destinations)
    under_way = {run.id for run in ledger.runs.of(owner) if run.state in UNFINISHED}
    # Of a server just started it waits for those who may have been at work.
    with held(destinations) as hold:
        for run in ledger.runs.of(owner):
            if run.id in under_way and run.state is RunState.COMPLETED:
                raise _published_amid(run)
        ledger.ensure()
        with ledger.locks.preparing(owner):

            def check(gone: Removed) -> None:
                if _is_lost(hold, destinations):
                    raise _begun_amid(owner, gone)

            check(Removed())
            before = {run.id for run in ledger.runs.of(owner)}
            removed = remove_data([destinations], _CURE, check)
            # In this order: with the hold back, no run is begun after it is looked for.
            if _is_lost(hold, destinations) or any(
                run.id not in before for run in ledger.runs.of(owner)
            ):
                raise _begun_amid(owner, removed)
            forget()
    return removed


def _is_lost(hold: ExperimentHold, destinations: Destinations) -> bool:
    """Whether another has the hold by now; a server that is away meanwhile is waited for."""
    session = destinations.session
    patience = Patience() if session is None else session.address.patience
    return persist(
        hold.lost,
        lambda error: patience.seconds if isinstance(error, DestinationUnavailable) else 0.0,
        sleep=patience.sleep,
    )


def _published_amid(run: Run) -> Conflict:
    return Conflict(
        "LiveRunElsewhere",
        f"run {run.number} of {run.owner} was under way when this was asked, and is published by "
        "now: nothing was removed. Ask again if it is to go as well",
    )


def _begun_amid(owner: str, gone: Removed) -> Conflict:
    done = "No published data was removed"
    if gone != Removed():
        done = f"Of what was there before, this went: {gone}"
    return Conflict(
        "LiveRunElsewhere",
        f"a run of {owner} was begun while this removal had lost its connection, and with it the "
        f"lock that keeps runs away: the records stay. {done}. Remove the rest once that run has "
        "ended",
    )


def _is_known(destinations: Destinations) -> bool:
    """Whether the ledger knows the experiment; asked before anything is written, locks too."""
    ledger = destinations.ledger
    return ledger.found() and ledger.runs.uid(destinations.owner) is not None


def _not_known(destinations: Destinations) -> NotFound:
    return NotFound(
        "ExperimentUnknown",
        f"{_ledger_place(destinations)} does not know {destinations.owner}: nothing was removed. "
        "See that the credentials lead where its runs went, and that ROWMILL_ENGINE is as it was; "
        "if both are right, there is nothing of it to remove",
    )


def _ledger_place(destinations: Destinations) -> str:
    places = (destinations.warehouse, destinations.lake)
    return next(found.place for found in places if found is not None)
