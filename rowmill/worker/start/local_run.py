"""Start a run on one machine: look at what is there, decide, carry it out.

It runs under the ledger's lock, once at a time, and every step of it can be repeated: whoever
prepares the same run again finds it prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TypeGuard
from uuid import uuid4

from rowmill.plan.layout import Plan
from rowmill.plan.run_source import RunSource
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.publish import roll_forward_all
from rowmill.worker.remaining import Durable, rows_durable
from rowmill.worker.run_history import replacement
from rowmill.worker.run_options import options_alone_differ
from rowmill.worker.start.carry_out import begin, discard, resume
from rowmill.worker.start.decide import (
    Begin,
    Conflict,
    Mode,
    NothingToResume,
    Repeat,
    Resume,
    decide,
)
from rowmill.worker.start.observation import adopted, data_version_for, intact, known
from rowmill.worker.start.prepared import Ahead, Prepared, Staged
from rowmill.worker.start.refusals import EditedManifest, FewerRows, NoRunToResume


def prepare(
    spec: Spec,
    destinations: Destinations,
    plan_of: Callable[[Spec], Plan],
    *,
    mode: Mode,
    adopt: str | None,
    source: RunSource,
    started_at: datetime | None = None,
    agreed: Collection[str] | None = None,
    admit: Callable[[Ahead], None] = lambda ahead: None,
) -> Prepared:
    """Take up, start or repeat a run of `spec`, by the data version that the ledger leads to.

    The ledger is there and up to date (`Ledger.ensure`); whoever starts the run sees to that.

    Args:
        plan_of: makes the plan of a new run from the spec by that version.
        adopt: another owner whose targets may be taken over.
        source: the manifest and overrides that the spec came from, kept with a new run.
        started_at: when a new run was asked for; None: now.
        agreed: ids of the published runs that a new one of fewer rows may replace; None: of all.
        admit: called before anything is begun; refuses what has no room, say, by raising.

    Raises:
        EditedManifest, FewerRows, NoRunToResume: see start/refusals.py.
        DestinationRefused: a destination will not take this run.
        InvalidManifest: the data version is the last run's, which refuses the manifest.
    """
    ledger, owner = destinations.ledger, destinations.owner
    with ledger.locks.preparing(owner):
        ledger_view = known(ledger.runs, owner)
        rolled_forward = roll_forward_all(ledger_view.interrupted_publishes, destinations, adopt)
        if rolled_forward:
            ledger_view = known(ledger.runs, owner)
        # Before there is a plan: widths, by which it is cut, belong to the version too.
        spec = spec.at(data_version_for(spec, ledger_view.runs))
        decision = decide(ledger_view.runs, spec.digest, spec.data_version, mode)
        if isinstance(decision, Repeat) and not intact(decision.run, destinations):
            decision = decision.otherwise
        match decision:
            case Repeat(run=run):
                return Prepared(run, repeat=True, rolled_forward=rolled_forward)
            case NothingToResume(published=published):
                raise NoRunToResume(_nothing(published))
            case Conflict(run=run, replaces=replaces):
                raise EditedManifest(
                    run,
                    _durable_rows(run, destinations),
                    plan_of(spec),
                    replaces,
                    options_alone=options_alone_differ(run, source),
                )
            case Resume(run=run, close=close, replaces=replaces):
                admit(_ahead(_staged(run, destinations), close, destinations))
                discard(close, destinations, by=run.number)
                dataset = spec.at(run.plan.data_version).dataset
                return Prepared(
                    resume(run, dataset, destinations, adopt),
                    resumed=True,
                    replaces=replacement(replaces, run.plan, owner),
                )
            case Begin(number=number, close=close, replaces=replaces):
                plan = plan_of(spec)
                replaces = replaces or adopted(destinations, adopt)
                if _is_to_agree(replaces, plan, agreed):
                    raise FewerRows(replaces, number, plan, owner, rolled_forward)
                admit(_ahead(_nothing_staged(plan, destinations), close, destinations))
                run = begin(
                    spec.dataset,
                    destinations,
                    plan,
                    uid=ledger_view.uid or str(uuid4()),
                    number=number,
                    close=close,
                    adopt=adopt,
                    source=source,
                    started_at=started_at,
                )
                return Prepared(
                    run, rolled_forward=rolled_forward, replaces=replacement(replaces, plan, owner)
                )


def _ahead(load: Staged, close: Iterable[Run], destinations: Destinations) -> Ahead:
    return Ahead(load, tuple(_staged(run, destinations) for run in close))


def _staged(run: Run, destinations: Destinations) -> Staged:
    return Staged(run.plan, destinations.durable(run), destinations.index_bytes(run))


def _nothing_staged(plan: Plan, destinations: Destinations) -> Staged:
    durable = Durable(
        None if destinations.warehouse is None else {},
        None if destinations.lake is None else frozenset(),
    )
    return Staged(plan, durable)


def _is_to_agree(
    published: Run | None, plan: Plan, agreed: Collection[str] | None
) -> TypeGuard[Run]:
    """Whether the user has to agree first that a run of `plan` replaces the `published` one."""
    if published is None or agreed is None or published.id in agreed:
        return False
    return plan.rows < published.plan.rows


def _durable_rows(run: Run, destinations: Destinations) -> int:
    return sum(rows_durable(run.plan, destinations.durable(run)).values())


def _nothing(published: Run | None) -> str:
    if published is None:
        return "there is no run to resume; run without --resume to start one"
    return f"run {published.number} is complete: there is nothing to resume"
