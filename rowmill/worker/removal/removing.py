"""Remove the data that the ledger has of an experiment, wherever its runs wrote it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from rowmill.counting import counted
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake.lake import Lake
from rowmill.plan.runs import RESUMABLE, Run, RunState
from rowmill.spec.problems import InvalidManifest
from rowmill.worker.destinations import Destinations
from rowmill.worker.previous_run import lake_of, reached_lake
from rowmill.worker.publish import OBJECTS_AT, roll_forward
from rowmill.worker.removal.removed import Removed, missing, with_work
from rowmill.worker.removal.steps import RemovalSteps

_UNFINISHED = RESUMABLE | {RunState.PUBLISHING}
_TABLES, _OBJECTS = "tables", "objects"
# A run, and the destinations under the owner key that it bears.
_OwnRun = tuple[Destinations, Run]
# Told, before each step that cannot be taken back, what has gone so far; may raise to stop there.
Check = Callable[[Removed], None]


def unchecked(_: Removed) -> None:
    """For a removal beside which no run can be begun."""


def remove_data(owners: Sequence[Destinations], cure: str, check: Check = unchecked) -> Removed:
    """Remove published and staged data of all runs, under the ledger's lock; they become RESET.

    A try after one that was cut tells of what both removed; see `forget_steps`.

    Args:
        owners: the same destinations under each owner key that one experiment's data bears; who
            may have taken over what the others own comes first.
        cure: what to do where the published objects are in another S3.
        check: told how far it is; for a run's state also behind its fence, which a run that takes
            it up has to pass.

    Raises:
        DestinationRefused: DataNotFound, they are; nothing was removed. DependantsInTheWay.
    """
    check(Removed())
    cut = [(of, run) for of, run in _runs(owners) if run.state is RunState.PUBLISHING]
    left = [why for of, run in cut if (why := _complete_if_possible(run, of))]
    runs = _runs(owners)
    steps = _steps(runs, owners)
    published = next(
        ((of, run) for of, run in _newest_first(runs, owners) if run.state is RunState.COMPLETED),
        None,
    )
    if published is not None and not steps.is_done(_OBJECTS):
        left += _refuse_astray(*published, cure)
    steps.begin([run.id for _, run in runs if run.state in _UNFINISHED], left)
    for of, run in runs:
        # First the state, behind the fence: a stale worker cannot write after it.
        _reset(of, run, _UNFINISHED, check, Removed())
        check(Removed())
        if of.warehouse is not None:
            of.warehouse.drop_staging(run.id)
    seen = None if published is None else published[1]
    check(Removed())
    tables = steps.once(_TABLES, lambda again: _remove_tables(owners, seen, again))
    check(tables)
    objects = steps.once(
        _OBJECTS, lambda again: _remove_objects(owners, runs, seen, steps.unfinished, again)
    )
    gone = Removed(tables.tables, tables.rows or objects.rows, objects.objects)
    for of, run in runs:
        check(gone)
        of.ledger.work.forget(run.id)
        # Last, since dependants can refuse the removal: readers would still see the run.
        _reset(of, run, frozenset({RunState.COMPLETED}), check, gone)
    return Removed(
        tables=tables.tables,
        rows=tables.rows or objects.rows,
        objects=objects.objects,
        unfinished=sum(
            with_work([run for owner, run in runs if owner is of], steps.unfinished)
            for of in owners
        ),
        gone=tables.gone + objects.gone,
        left=tuple(dict.fromkeys((*steps.left, *left, *tables.left, *objects.left))),
    )


def forget_steps(owners: Sequence[Destinations]) -> None:
    """Have the next removal tell of itself alone, where the records stay; as of `remove_data`."""
    _steps(_runs(owners), owners).forget()


def _reset(
    of: Destinations, run: Run, states: frozenset[RunState], check: Check, gone: Removed
) -> None:
    def wanted() -> bool:
        check(gone)
        return True

    of.ledger.runs.transition(run.id, states, RunState.RESET, wanted=wanted)


def _runs(owners: Sequence[Destinations]) -> list[_OwnRun]:
    return [(of, run) for of in owners for run in of.ledger.runs.of(of.owner)]


def _newest_first(runs: Sequence[_OwnRun], owners: Sequence[Destinations]) -> Iterator[_OwnRun]:
    """The runs of the first of the owners, then those of the others."""
    for owner in owners:
        yield from ((of, run) for of, run in reversed(runs) if of is owner)


def _steps(runs: Sequence[_OwnRun], owners: Sequence[Destinations]) -> RemovalSteps:
    return RemovalSteps(owners[0].ledger.runs, [run for _, run in runs])


def _complete_if_possible(run: Run, destinations: Destinations) -> str | None:
    """Give a half published run's objects their record, by which the removal finds them all.

    If its bucket or manifest is gone for good, what is left of it must not block the removal.

    Returns:
        What may be left because that is not possible.
    """
    try:
        roll_forward(run, destinations)
    except (DestinationRefused, InvalidManifest) as error:
        return f"objects of run {run.number}, which was cut while it was published ({error})"
    return None


def _refuse_astray(destinations: Destinations, published: Run, cure: str) -> list[str]:
    """Refuse an S3 that has nothing of a run, unless it is the one in which it was published.

    Returns:
        What may be left where the ledger does not say which that was.
    """
    count = published.summary.get("objects")
    if destinations.warehouse is None or not count:
        # Where a bucket alone is written to, the ledger that knows the run is in it.
        return []
    with reached_lake(published, destinations, lambda why: None) as lake:
        if lake is None or (lake.there() and lake.holds(published)):
            return []
        at = published.summary.get(OBJECTS_AT)
        if at is None:
            return [f"objects of run {published.number}, of which nothing is in {lake.place}"]
        if at == lake.endpoint:
            return []
        raise DestinationRefused(
            "DataNotFound",
            f"run {published.number} of {destinations.owner} has published "
            f"{counted(count, 'object')} at {at}, and nothing of it is in {lake.place}, "
            f"where the credentials lead now. Nothing was removed. {cure}",
        )


def _remove_tables(owners: Sequence[Destinations], published: Run | None, again: bool) -> Removed:
    warehouses = [of.warehouse for of in owners if of.warehouse is not None]
    if not warehouses:
        return Removed()
    strayed = [table for warehouse in warehouses for table in warehouse.strayed_tables()]
    dropped = [table for warehouse in warehouses for table in warehouse.remove_tables()]
    planned = {} if published is None else published.plan.by_name
    found = {table.name for table in dropped if table.name in planned}
    return Removed(
        tables=len(dropped),
        rows=sum(planned[name].rows for name in found),
        gone=missing(len(found) + len(strayed), len(planned), "table", again=again),
        left=tuple(
            f"{table}, of which the name or the comment was changed since it was published"
            for table in strayed
        ),
    )


def _remove_objects(
    owners: Sequence[Destinations],
    runs: Sequence[_OwnRun],
    published: Run | None,
    unfinished: Collection[str],
    again: bool,
) -> Removed:
    """Empty the present place in a bucket, and all others to which an earlier run may have gone."""
    ours = {of.owner for of in owners}
    lakes = [of.lake for of in owners if of.lake is not None]
    parts = [_emptied(lake, ours) for lake in lakes if lake.there()]
    for of, run in runs:
        parts.append(_remove_objects_of(run, of, ours, run.id in unfinished, again))
    objects = sum(part.objects for part in parts)
    left = tuple(dict.fromkeys(what for part in parts for what in part.left))
    gone = tuple(what for part in parts for what in part.gone)
    if published is not None and not left:
        planned = int(published.summary.get("objects") or 0)
        gone += missing(objects, planned, "object", again=again)
    rows = published.plan.rows if published is not None and objects else 0
    return Removed(objects=objects, rows=rows, gone=gone, left=left)


def _remove_objects_of(
    run: Run, destinations: Destinations, ours: Collection[str], unfinished: bool, again: bool
) -> Removed:
    unreached: list[str] = []
    with lake_of(run, destinations, unreached.append) as lake:
        if lake is None:
            known = () if run.state is RunState.RESET and not unfinished else unreached
            return Removed(left=tuple(f"what run {run.number} wrote to S3: {w}" for w in known))
        pending = destinations.ledger.work.pending_parts(run.id) if unfinished else {}
        aborted = lake.abort_uploads(run.id)
        gone = missing(aborted, len(pending), "unfinished upload", again=again)
        emptied = _emptied(lake, ours)
    return Removed(objects=emptied.objects, gone=gone, left=emptied.left)


def _emptied(lake: Lake, ours: Collection[str]) -> Removed:
    emptied = lake.remove()
    if emptied.taken_by is None:
        return Removed(objects=emptied.objects)
    if emptied.taken_by in ours:
        # Under that owner key it is removed as well.
        return Removed()
    return Removed(left=(f"{lake.place}, which is {emptied.taken_by!r}'s by now",))
