"""Remove the data that the ledger has of an experiment, wherever its runs wrote it."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake import Lake
from rowmill.destinations.ledger import RESUMABLE, Run, RunState
from rowmill.spec.problems import InvalidManifest
from rowmill.worker.decision import published_run
from rowmill.worker.destinations import Destinations
from rowmill.worker.earlier import lake_of, reached_lake
from rowmill.worker.publish import OBJECTS_AT, roll_forward
from rowmill.worker.removed import Removed, missing

_UNFINISHED = RESUMABLE | {RunState.PUBLISHING}


def remove_data(destinations: Destinations, cure: str) -> Removed:
    """Remove published and staged data of all runs, under the ledger's lock; they become RESET.

    Args:
        cure: what to do where the published objects are in another S3.

    Raises:
        DestinationRefused: DataNotFound, they are; nothing was removed. DependantsInTheWay.
    """
    ledger, owner = destinations.ledger, destinations.owner
    cut = [run for run in ledger.runs(owner) if run.state is RunState.PUBLISHING]
    left = [why for run in cut if (why := _complete_if_possible(run, destinations))]
    runs = ledger.runs(owner)
    published = published_run(runs)
    if published is not None:
        left += _refuse_astray(published, destinations, cure)
    for run in runs:
        # First the state, behind the fence: a stale worker cannot write after it.
        ledger.transition(run.id, _UNFINISHED, RunState.RESET)
        if destinations.warehouse is not None:
            destinations.warehouse.drop_staging(run.id)
    tables = _remove_tables(published, destinations)
    objects = _remove_objects(runs, published, destinations)
    for run in runs:
        ledger.forget_work(run.id)
        # Last, since dependants can refuse the removal: readers would still see the run.
        ledger.transition(run.id, frozenset({RunState.COMPLETED}), RunState.RESET)
    return Removed(
        tables=tables.tables,
        rows=tables.rows or objects.rows,
        objects=objects.objects,
        unfinished=sum(run.state in _UNFINISHED for run in runs),
        gone=tables.gone + objects.gone,
        left=(*left, *tables.left, *objects.left),
    )


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


def _refuse_astray(published: Run, destinations: Destinations, cure: str) -> list[str]:
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
            f"run {published.number} of {destinations.owner} has published {count:,} objects at "
            f"{at}, and nothing of it is in {lake.place}, where the credentials lead now. "
            f"Nothing was removed. {cure}",
        )


def _remove_tables(published: Run | None, destinations: Destinations) -> Removed:
    warehouse = destinations.warehouse
    if warehouse is None:
        return Removed()
    strayed = warehouse.strayed_tables()
    dropped = warehouse.remove_tables()
    planned = {} if published is None else published.plan.by_name
    found = {table.name for table in dropped if table.name in planned}
    return Removed(
        tables=len(dropped),
        rows=sum(planned[name].rows for name in found),
        gone=missing(len(found) + len(strayed), len(planned), "table"),
        left=tuple(
            f"{table}, of which the name or the comment was changed since it was published"
            for table in strayed
        ),
    )


def _remove_objects(
    runs: Sequence[Run], published: Run | None, destinations: Destinations
) -> Removed:
    """Empty the present place in a bucket, and all others to which an earlier run may have gone."""
    parts = []
    if destinations.lake is not None and destinations.lake.there():
        parts.append(_emptied(destinations.lake))
    parts += [_remove_objects_of(run, destinations) for run in runs]
    objects = sum(part.objects for part in parts)
    left = tuple(dict.fromkeys(what for part in parts for what in part.left))
    gone = tuple(what for part in parts for what in part.gone)
    if published is not None and not left:
        gone += missing(objects, int(published.summary.get("objects") or 0), "object")
    rows = published.plan.rows if published is not None and objects else 0
    return Removed(objects=objects, rows=rows, gone=gone, left=left)


def _remove_objects_of(run: Run, destinations: Destinations) -> Removed:
    unreached: list[str] = []
    with lake_of(run, destinations, unreached.append) as lake:
        if lake is None:
            known = () if run.state is RunState.RESET else unreached
            return Removed(left=tuple(f"what run {run.number} wrote to S3: {w}" for w in known))
        pending = destinations.ledger.pending_parts(run.id) if run.state in RESUMABLE else {}
        gone = missing(lake.abort_uploads(run.id), len(pending), "unfinished upload")
        emptied = _emptied(lake)
    return Removed(objects=emptied.objects, gone=gone, left=emptied.left)


def _emptied(lake: Lake) -> Removed:
    emptied = lake.remove()
    if emptied.taken_by is None:
        return Removed(objects=emptied.objects)
    return Removed(left=(f"{lake.place}, which is {emptied.taken_by!r}'s by now",))
