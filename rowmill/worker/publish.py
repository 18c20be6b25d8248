"""Publish a run: readers see all of it or none, and from PUBLISHING on it only rolls forward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rowmill.counting import counted
from rowmill.destinations.errors import DestinationUnavailable, Fenced
from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.lake.records import refuse_unplanned
from rowmill.destinations.ledger import Ledger, PendingPart
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Dataset
from rowmill.worker.destinations import Destinations
from rowmill.worker.history_limit import forget_old_runs
from rowmill.worker.previous_run import destinations_of
from rowmill.worker.remake import remake
from rowmill.worker.run_spec import spec_of

# How often uploads that the store dropped are made again before publishing gives up for now.
ROUNDS = 3
# In a run's summary, the S3 that its objects were published to.
OBJECTS_AT = "objects_at"


def publish(run: Run, dataset: Dataset, destinations: Destinations) -> None:
    """Make a FINALIZING run the one that readers see; `dataset` is of its plan's data version.

    With Postgres the state turns PUBLISHING in the transaction that swaps the tables, so a crash
    leaves either the old data and FINALIZING, or the new tables and a run to roll forward.

    Raises:
        Fenced: the run is neither FINALIZING nor already being published.
        DestinationRefused: TargetInUse, another has taken the prefix over; and what the warehouse
            raises. The run is still FINALIZING then.
    """
    if destinations.lake is not None:
        # Before the tables are swapped and objects appear: from there on it only goes forward.
        destinations.lake.hold()
    if destinations.warehouse is not None:
        destinations.warehouse.publish(run, dataset)
    elif not destinations.ledger.runs.transition(
        run.id, frozenset({RunState.FINALIZING, RunState.PUBLISHING}), RunState.PUBLISHING
    ):
        raise Fenced(f"run {run.number} is no longer being finalized")
    _roll_forward(run.at(RunState.PUBLISHING), dataset, destinations)
    forget_old_runs(destinations)


def roll_forward_all(
    runs: Iterable[Run], destinations: Destinations, adopt: str | None
) -> tuple[int, ...]:
    """Roll each of the runs forward whose publishing was interrupted; returns their numbers."""
    numbers = []
    for run in runs:
        roll_forward(run, destinations, adopt)
        numbers.append(run.number)
    return tuple(numbers)


def roll_forward(run: Run, destinations: Destinations, adopt: str | None = None) -> None:
    """Take a PUBLISHING run that a crash left to COMPLETED, from what the ledger keeps of it.

    Args:
        adopt: another owner, from whom to take the run's prefix over if he has it by now.

    Raises:
        DestinationRefused: OutOfReach, see worker/previous_run.py; TargetInUse; PartsUnplanned.
    """
    spec = spec_of(run)
    with destinations_of(spec, destinations) as earlier:
        if earlier.lake is not None:
            earlier.lake.hold(adopt)
        _roll_forward(run, spec.at(run.plan.data_version).dataset, earlier)


def _roll_forward(run: Run, dataset: Dataset, destinations: Destinations) -> None:
    """Every step can be repeated after a crash; COMPLETED comes last."""
    summary: dict[str, Any] = {"rows": run.plan.rows}
    if destinations.lake is not None:
        summary |= _publish_objects(run, dataset, destinations.lake, destinations.ledger)
    destinations.ledger.work.collapse(run.id)
    destinations.ledger.runs.transition(
        run.id, frozenset({RunState.PUBLISHING}), RunState.COMPLETED, summary=summary
    )


def _publish_objects(run: Run, dataset: Dataset, lake: Lake, ledger: Ledger) -> Mapping[str, Any]:
    parts = _complete_all(run, dataset, lake, ledger)
    lake.publish(run, dataset, parts)
    lake.clean(run)
    # Where they are, since a Secret may lead to another S3 by the time they are to be removed.
    return {
        "objects": len(parts),
        "object_bytes": sum(part.bytes for part in parts),
        OBJECTS_AT: lake.endpoint,
    }


def _complete_all(run: Run, dataset: Dataset, lake: Lake, ledger: Ledger) -> list[PendingPart]:
    for _ in range(ROUNDS):
        parts = list(ledger.work.pending_parts(run.id).values())
        # Before they become objects, of which no record would tell.
        refuse_unplanned(run, parts)
        gone = lake.complete(run, parts)
        if not gone:
            return parts
        remake(run, dataset, gone, lake, ledger)
    raise DestinationUnavailable(
        f"the bucket dropped the uploads of {counted(len(gone), 'part')} again and again before "
        "they could be completed; look for a lifecycle rule that aborts incomplete uploads, then "
        "run again"
    )
