"""Observe what a start goes by: the ledger, the targets, what was published."""

from __future__ import annotations

from functools import partial

from rowmill.destinations.ledger import RunRecords
from rowmill.plan.runs import Run
from rowmill.worker.destinations import Destinations
from rowmill.worker.run_history import published_run
from rowmill.worker.start.observation import LedgerView, Observation


def observe(destinations: Destinations, adopt: str | None) -> Observation:
    """The experiment as it is now; `adopt` is another owner whose targets may be taken over."""
    return Observation(
        ledger=read_ledger(destinations.ledger.runs, destinations.owner),
        is_intact=partial(_intact, destinations),
        adopted=partial(_adopted, destinations, adopt),
    )


def read_ledger(runs: RunRecords, owner: str) -> LedgerView:
    """What the ledger holds of `owner` now."""
    return LedgerView(runs.uid(owner), runs.uids(owner), tuple(runs.of(owner)))


def _intact(destinations: Destinations, run: Run) -> bool:
    warehouse, lake = destinations.warehouse, destinations.lake
    return (warehouse is None or warehouse.published(run)) and (lake is None or lake.published(run))


def _adopted(destinations: Destinations, adopt: str | None) -> Run | None:
    # None too if another ledger has the records of its data.
    warehouse, lake = destinations.warehouse, destinations.lake
    if adopt is None or adopt == destinations.owner:
        return None
    there = (warehouse is not None and warehouse.data_owner() == adopt) or (
        lake is not None and lake.there() and lake.data_owner() == adopt
    )
    return published_run(destinations.ledger.runs.of(adopt)) if there else None
