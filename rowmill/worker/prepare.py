"""Prepare a run: decide what to do, claim the targets, make the staging tables and the pools.

It runs under the ledger's lock, once at a time, and every step of it can be repeated: whoever
prepares the same run again finds it prepared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from rowmill.destinations.ledger import Run, RunState
from rowmill.plan.layout import Plan
from rowmill.spec.dataset import Spec
from rowmill.worker.beginning import begin, give_up, intact, take_up
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
        decision = _unless_gone(decide(runs, spec.digest, version, mode), destinations)
        match decision:
            case Repeat(run=run):
                return Prepared(run, repeat=True, rolled_forward=numbers)
            case Resume(run=run, close=close):
                give_up(close, destinations)
                return Prepared(take_up(run, spec, destinations, adopt), resumed=True)
            case Begin(number=number, close=close):
                run = begin(
                    spec,
                    destinations,
                    replace(plan, data_version=version),
                    uid=ledger.uid(destinations.owner) or str(uuid4()),
                    number=number,
                    close=close,
                    adopt=adopt,
                    source=source,
                )
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


def _unless_gone(decision: Decision, destinations: Destinations) -> Decision:
    if isinstance(decision, Repeat) and not intact(decision.run, destinations):
        return decision.otherwise
    return decision


def _batch_rows(run: Run, destinations: Destinations) -> int:
    return sum(rows_durable(run.plan, destinations.durable(run)).values())


def _nothing(published: Run | None) -> str:
    if published is None:
        return "there is no run to resume; run without --resume to start one"
    return f"run {published.number} is complete: there is nothing to resume"
