"""Publish a run: readers see all of it or none, and from PUBLISHING on it only rolls forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.destinations.errors import Fenced
from rowmill.destinations.ledger import Run, RunState
from rowmill.spec.dataset import Dataset
from rowmill.worker.destinations import Destinations
from rowmill.worker.remake import remake

# How often uploads that the store dropped are made again before publishing gives up for now.
ROUNDS = 3


def publish(run: Run, dataset: Dataset, destinations: Destinations) -> None:
    """Make a FINALIZING run the one that readers see.

    With Postgres the state turns PUBLISHING in the transaction that swaps the tables, so a crash
    leaves either the old data and FINALIZING, or the new tables and a run to roll forward.

    Raises:
        Fenced: the run is no longer FINALIZING.
    """
    if destinations.warehouse is not None:
        destinations.warehouse.publish(run, dataset)
    elif not destinations.ledger.transition(
        run.id, frozenset({RunState.FINALIZING}), RunState.PUBLISHING
    ):
        raise Fenced(f"run {run.number} is no longer being finalized")
    roll_forward(run.at(RunState.PUBLISHING), destinations)


def roll_forward(run: Run, destinations: Destinations) -> None:
    """Take a PUBLISHING run to COMPLETED; every step can be repeated after a crash."""
    summary: dict[str, Any] = {"rows": run.plan.rows}
    if destinations.lake is not None:
        summary |= _publish_objects(run, destinations)
    destinations.ledger.collapse(run.id)
    destinations.ledger.transition(
        run.id, frozenset({RunState.PUBLISHING}), RunState.COMPLETED, summary=summary
    )


def _publish_objects(run: Run, destinations: Destinations) -> Mapping[str, Any]:
    lake = destinations.lake
    assert lake is not None
    for _ in range(ROUNDS):
        parts = destinations.ledger.pending_parts(run.id)
        gone = lake.complete(run, list(parts.values()))
        if not gone:
            break
        remake(run, gone, destinations)
    lake.publish(run, list(parts.values()))
    lake.clean(run)
    return {"objects": len(parts), "object_bytes": sum(part.bytes for part in parts.values())}
