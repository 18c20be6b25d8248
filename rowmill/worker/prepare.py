"""Prepare a run: decide what to do, claim the targets, make the staging tables and the pools.

It runs under the ledger's lock, once at a time, and every step of it can be repeated: whoever
prepares the same run again finds it prepared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger import RESUMABLE, UNFINISHED, Run, RunState
from rowmill.plan.layout import Plan
from rowmill.spec.dataset import Dataset, Spec
from rowmill.worker.decision import (
    Begin,
    Conflict,
    Decision,
    Mode,
    NothingToResume,
    Repeat,
    Resume,
    decide,
)
from rowmill.worker.destinations import Destinations
from rowmill.worker.earlier import lake_of
from rowmill.worker.pools import check_columns, ensure_pools
from rowmill.worker.publish import roll_forward
from rowmill.worker.remaining import rows_durable


class EditedManifest(Exception):
    """The newest run is unfinished and of another spec: starting over would drop its work."""

    def __init__(self, run: Run, rows: int) -> None:
        self.run = run
        super().__init__(
            f"run {run.number} is {run.state} with another manifest "
            f"({run.plan.digest[:19]}...) and holds {rows:,} rows that would be dropped; "
            "add --restart to drop them, or put the old manifest back to resume"
        )


class NoRunToResume(Exception):
    """`--resume` was asked for and there is nothing to resume."""


@dataclass(frozen=True)
class Prepared:
    """What prepare came to: the run, now RUNNING, or `repeat`: complete already, nothing to do.

    `rolled_forward` are the numbers of runs whose interrupted publishing was completed first.
    """

    run: Run
    resumed: bool = False
    repeat: bool = False
    rolled_forward: tuple[int, ...] = ()


def prepare(
    spec: Spec,
    destinations: Destinations,
    plan: Plan,
    *,
    mode: Mode,
    adopt: str | None,
    source: Mapping[str, Any],
) -> Prepared:
    """Take up, start or repeat a run of `spec`; `plan` is frozen if it is a new one.

    Args:
        adopt: another owner whose targets may be taken over.
        source: the manifest and overrides that the spec came from, kept with a new run.

    Raises:
        EditedManifest, NoRunToResume: see there.
        DestinationRefused: a destination will not take this run.
    """
    ledger = destinations.ledger
    ledger.ensure()
    with ledger.preparing(destinations.owner):
        rolled = [r for r in ledger.runs(destinations.owner) if r.state is RunState.PUBLISHING]
        for run in rolled:
            roll_forward(run, destinations)
        numbers = tuple(run.number for run in rolled)
        runs = ledger.runs(destinations.owner)
        version = data_version_for(spec, runs)
        decision = _unless_intact(decide(runs, spec.digest, version, mode), destinations)
        match decision:
            case Repeat(run=run):
                return Prepared(run, repeat=True, rolled_forward=numbers)
            case Resume(run=run, close=close):
                _close(close, destinations)
                return Prepared(_take_up(run, spec, destinations, adopt), resumed=True)
            case Begin(number=number, close=close):
                frozen = replace(plan, data_version=version)
                run = _begin(number, close, spec, destinations, frozen, adopt, source)
                return Prepared(run, rolled_forward=numbers)
            case Conflict(run=run):
                raise EditedManifest(run, _batch_rows(run, destinations))
            case NothingToResume(published=published):
                raise NoRunToResume(_nothing(published))


def data_version_for(spec: Spec, runs: Sequence[Run]) -> int:
    """The manifest's data version; without one that of the last run, so that upgrades change none.

    The first run of an experiment takes the newest.
    """
    if spec.pins_data_version or not runs:
        return spec.dataset.data_version
    return runs[-1].plan.data_version


def run_id(owner: str, uid: str, number: int) -> str:
    """A run's id: 12 hex digits of a hash of owner, uid and number."""
    name = "\0".join((owner, uid, str(number)))
    return hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _unless_intact(decision: Decision, destinations: Destinations) -> Decision:
    if not isinstance(decision, Repeat):
        return decision
    warehouse, lake = destinations.warehouse, destinations.lake
    intact = (warehouse is None or warehouse.published(decision.run)) and (
        lake is None or lake.published(decision.run)
    )
    return decision if intact else decision.otherwise


def _begin(
    number: int,
    close: tuple[Run, ...],
    spec: Spec,
    destinations: Destinations,
    plan: Plan,
    adopt: str | None,
    source: Mapping[str, Any],
) -> Run:
    ledger = destinations.ledger
    dataset = replace(spec.dataset, data_version=plan.data_version)
    check_columns(dataset, ensure_pools(dataset, ledger))
    _check_targets(spec.dataset, destinations, adopt)
    _close(close, destinations)
    uid = ledger.uid(destinations.owner) or str(uuid4())
    ledger.claim(destinations.owner, uid)
    run = ledger.create_run(
        Run(
            id=run_id(destinations.owner, uid, number),
            owner=destinations.owner,
            uid=uid,
            number=number,
            state=RunState.RUNNING,
            plan=plan,
            started_at=datetime.now(UTC),
            finished_at=None,
            message="",
            summary={"source": dict(source)},
        )
    )
    if run.plan != plan:
        # Our locks were lost for a moment, and somebody began this number with another manifest.
        raise DestinationRefused(
            "LiveRunElsewhere", f"run {number} was begun elsewhere meanwhile; try again"
        )
    _furnish(run, spec, destinations)
    return run


def _take_up(run: Run, spec: Spec, destinations: Destinations, adopt: str | None) -> Run:
    _check_targets(spec.dataset, destinations, adopt)
    if not destinations.ledger.transition(run.id, RESUMABLE, RunState.RUNNING):
        raise DestinationRefused(
            "LiveRunElsewhere", f"run {run.number} changed its state meanwhile; try again"
        )
    _furnish(run, spec, destinations)
    return run.at(RunState.RUNNING)


def _furnish(run: Run, spec: Spec, destinations: Destinations) -> None:
    dataset = replace(spec.dataset, data_version=run.plan.data_version)
    # Also on a resume: the ledger may have been restored from before the pools were made.
    ensure_pools(dataset, destinations.ledger)
    if destinations.warehouse is not None:
        destinations.warehouse.stage(run, dataset)


def _check_targets(dataset: Dataset, destinations: Destinations, adopt: str | None) -> None:
    if destinations.warehouse is not None:
        destinations.warehouse.check_target(dataset, adopt)
    if destinations.lake is not None:
        destinations.lake.check_target([table.name for table in dataset.tables], adopt)


def _close(runs: tuple[Run, ...], destinations: Destinations) -> None:
    """End unfinished runs as ABORTED and clear away what they staged."""
    for run in runs:
        destinations.ledger.transition(
            run.id,
            UNFINISHED | {RunState.FAILED, RunState.ABORTED},
            RunState.ABORTED,
            message="replaced by a newer run",
        )
        if destinations.warehouse is not None:
            destinations.warehouse.drop_staging(run.id)
        with lake_of(run, destinations) as lake:
            if lake is not None:
                lake.abort_uploads(run.id)
        # Last: should this be taken up again after all, it must not count on what is gone.
        destinations.ledger.forget_work(run.id)


def _batch_rows(run: Run, destinations: Destinations) -> int:
    return sum(rows_durable(run.plan, destinations.durable(run)).values())


def _nothing(published: Run | None) -> str:
    if published is None:
        return "there is no run to resume; run without --resume to start one"
    return f"run {published.number} is complete: there is nothing to resume"
