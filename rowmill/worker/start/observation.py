"""What the start of a run goes by: an experiment as its ledger and its destinations have it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rowmill.destinations.ledger import RunRecords
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.run_history import published_run


@dataclass(frozen=True)
class Known:
    """What the ledger holds of an owner: its present uid, the runs of that one, oldest first.

    `uids` are all of which there is a run.
    """

    uid: str | None
    uids: frozenset[str]
    runs: tuple[Run, ...]

    @property
    def interrupted_publishes(self) -> tuple[Run, ...]:
        """The runs whose publishing was interrupted: there is no way back from it."""
        return tuple(run for run in self.runs if run.state is RunState.PUBLISHING)


def known(runs: RunRecords, owner: str) -> Known:
    """What the ledger holds of `owner` now."""
    return Known(runs.uid(owner), runs.uids(owner), tuple(runs.of(owner)))


def data_version_for(spec: Spec, runs: Sequence[Run]) -> int:
    """The manifest's data version; without one that of the last run, so that upgrades change none.

    The first run of an experiment takes the one that `spec` is of.
    """
    if spec.pins_data_version or not runs:
        return spec.data_version
    return runs[-1].plan.data_version


def intact(run: Run, destinations: Destinations) -> bool:
    """Whether readers see this run, with all its tables and objects."""
    warehouse, lake = destinations.warehouse, destinations.lake
    return (warehouse is None or warehouse.published(run)) and (lake is None or lake.published(run))


def adopted(destinations: Destinations, adopt: str | None) -> Run | None:
    """The run of the experiment `adopt` that readers see in the targets, before it is taken over.

    None if its data is not there, or if another ledger has its records.
    """
    warehouse, lake = destinations.warehouse, destinations.lake
    if adopt is None or adopt == destinations.owner:
        return None
    there = (warehouse is not None and warehouse.data_owner() == adopt) or (
        lake is not None and lake.there() and lake.data_owner() == adopt
    )
    return published_run(destinations.ledger.runs.of(adopt)) if there else None
