"""Start a run on one machine: observe what is there, decide, carry it out.

It runs under the ledger's lock, once at a time, and every step of it can be repeated: whoever
prepares the same run again finds it prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from functools import cache, partial
from typing import TypeGuard
from uuid import uuid4

from rowmill.engine.request import Mode
from rowmill.plan.layout import Plan
from rowmill.plan.run_source import RunSource
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.remaining import Durable, rows_durable
from rowmill.worker.run_options import options_alone_differ
from rowmill.worker.start.carry_out import RunRequest, carry_out, complete_interrupted
from rowmill.worker.start.decide import (
    Begin,
    Conflict,
    LocalDecision,
    NothingToResume,
    Repeat,
    Resume,
    data_version_for,
    decide,
)
from rowmill.worker.start.observe import observe
from rowmill.worker.start.prepared import Ahead, Prepared, Staged
from rowmill.worker.start.refusals import EditedManifest, FewerRows, NoRunToResume, unfinished


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
    """Begin, resume or repeat a run of `spec`, by the data version that the ledger leads to.

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
        WouldDrop: UnfinishedRun, the next run was asked for, and the newest is unfinished.
        DestinationRefused: a destination will not take this run.
        InvalidManifest: the data version is the last run's, which refuses the manifest.
    """
    with destinations.ledger.locks.preparing(destinations.owner):
        observed = complete_interrupted(observe(destinations, adopt), destinations, adopt)
        # Before there is a plan: widths, by which it is cut, belong to the version too.
        spec = spec.at(data_version_for(spec, observed.ledger.runs))
        decision = decide(observed, spec.digest, spec.data_version, mode)
        # Made where it is needed, and once: it is cut by the memory that is free at that moment.
        plan = cache(partial(plan_of, spec))
        uid = observed.ledger.uid or str(uuid4())
        request = RunRequest(spec, plan, uid, adopt, source, started_at)
        start = _accepted(decision, request, destinations, agreed, observed.rolled_forward, mode)
        if not isinstance(start, Repeat):
            admit(_ahead(start, request, destinations))
        return carry_out(start, request, destinations, observed)


def _accepted(
    decision: LocalDecision,
    request: RunRequest,
    destinations: Destinations,
    agreed: Collection[str] | None,
    rolled_forward: tuple[int, ...],
    mode: Mode,
) -> Begin | Resume | Repeat:
    """The decision, unless its user is to change or agree to something first; raises as prepare."""
    match decision:
        case NothingToResume(published=published):
            raise NoRunToResume(_nothing(published), rolled_forward)
        case Conflict(run=run, replaces=replaces):
            rows = _durable_rows(run, destinations)
            if mode is Mode.RERUN:
                raise unfinished(run, rows, request.plan(), replaces)
            raise EditedManifest(
                run,
                rows,
                request.plan(),
                replaces,
                options_alone=options_alone_differ(run, request.source),
            )
        case Begin(number=number, replaces=replaces):
            plan = request.plan()
            if _is_to_agree(replaces, plan, agreed):
                raise FewerRows(replaces, number, plan, destinations.owner, rolled_forward)
    return decision


def _ahead(decision: Begin | Resume, request: RunRequest, destinations: Destinations) -> Ahead:
    if isinstance(decision, Resume):
        load = _staged(decision.run, destinations)
    else:
        load = _nothing_staged(request.plan(), destinations)
    return Ahead(load, tuple(_staged(run, destinations) for run in decision.close))


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
        return "there is no run to resume; start one with: rowmill run -f FILE"
    return f"run {published.number} is complete: there is nothing to resume"
