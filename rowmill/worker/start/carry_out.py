"""Carry out what a start decided: begin a run, resume one, discard older ones.

It runs under the ledger's lock, once at a time, and each step can be repeated after a crash in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa

from rowmill.destinations.errors import (
    ClaimLeft,
    DestinationRefused,
    DestinationUnavailable,
    Fenced,
)
from rowmill.destinations.ledger import LAKE_PLACE
from rowmill.plan.layout import Plan
from rowmill.plan.run_source import SOURCE, RunSource, Versions
from rowmill.plan.runs import END_UNSEEN, RESUMABLE, UNFINISHED, Run, RunState
from rowmill.spec.dataset import Dataset, Spec
from rowmill.version import VERSION
from rowmill.worker.destinations import Destinations
from rowmill.worker.history_limit import forget_old_runs
from rowmill.worker.pools import check_columns, ensure_pools
from rowmill.worker.previous_run import lake_of
from rowmill.worker.publish import roll_forward_all
from rowmill.worker.run_history import replacement
from rowmill.worker.start.decide import Begin, GoOn, Repeat, Resume, Start
from rowmill.worker.start.observation import Observation
from rowmill.worker.start.observe import read_ledger
from rowmill.worker.start.prepared import Prepared

# States in which every batch and part of a run is durable.
LOADED = frozenset({RunState.FINALIZING, RunState.PUBLISHING, RunState.COMPLETED})
_ENDED = frozenset({RunState.FAILED, RunState.ABORTED})


@dataclass(frozen=True)
class RunRequest:
    """The run that is asked for.

    Attributes:
        spec: of whichever data version.
        plan: gives the plan that a new run freezes, data version and all.
        uid: of the experiment; a new run gets it.
        adopt: another owner whose targets may be taken over.
        source: what the spec came from, kept with a new run for `run_spec.spec_of`.
        started_at: when a new run was asked for; None: now.
    """

    spec: Spec
    plan: Callable[[], Plan]
    uid: str
    adopt: str | None
    source: RunSource
    started_at: datetime | None = None

    def dataset(self, plan: Plan) -> Dataset:
        """By the data version of the plan."""
        return self.spec.at(plan.data_version).dataset


def complete_interrupted(
    observed: Observation,
    destinations: Destinations,
    adopt: str | None,
    *,
    but: tuple[str, int] | None = None,
) -> Observation:
    """Roll the runs forward whose publishing was interrupted, and observe what that changed.

    It comes before any decision: there is no way back from PUBLISHING.

    Args:
        but: uid and number of the run that its own finalize rolls forward.

    Raises:
        DestinationRefused: see `publish.roll_forward`.
    """
    runs = [run for run in observed.ledger.interrupted_publishes if (run.uid, run.number) != but]
    if not runs:
        return observed
    numbers = roll_forward_all(runs, destinations, adopt)
    ledger_view = read_ledger(destinations.ledger.runs, destinations.owner)
    return replace(observed, ledger=ledger_view, rolled_forward=numbers)


def carry_out(
    decision: Start, request: RunRequest, destinations: Destinations, observed: Observation
) -> Prepared:
    """Do what was decided by what was `observed`.

    Raises:
        ImpossibleColumns: what no data can satisfy; nothing was written.
        DestinationRefused: a destination will not take this run, or its state changed meanwhile.
        Fenced: a run to go on with was aborted or replaced meanwhile.
    """
    suspended = False
    match decision:
        case Repeat(run=run, number=number, close=close):
            _discard(close, destinations, by=number)
            return Prepared(run, repeat=True, rolled_forward=observed.rolled_forward)
        case Resume(run=run, close=close):
            _discard(close, destinations, by=run.number)
            suspended = run.suspended
            run = _resume(run, request.dataset(run.plan), destinations, request.adopt, RESUMABLE)
        case GoOn(run=run):
            run = _go_on(run, request, destinations)
        case Begin():
            run = _begin(decision, request, destinations)
    return Prepared(
        run,
        resumed=not isinstance(decision, Begin),
        suspended=suspended,
        rolled_forward=observed.rolled_forward,
        replaces=replacement(decision.replaces, run.plan, destinations.owner),
    )


def _begin(decision: Begin, request: RunRequest, destinations: Destinations) -> Run:
    """Claim the targets, discard older runs, freeze the plan, and make all that workers need."""
    ledger, plan = destinations.ledger, request.plan()
    dataset = request.dataset(plan)
    check_columns(dataset, ensure_pools(dataset, ledger.pools))
    _check_targets(dataset, destinations, request.adopt)
    _discard(decision.close, destinations, by=decision.number)
    ledger.runs.claim(destinations.owner, request.uid)
    run = ledger.runs.create(_new_run(decision.number, plan, request, destinations))
    if run.plan != plan:
        # Our locks were lost for a moment, and somebody began this number with another manifest.
        raise DestinationRefused(
            "LiveRunElsewhere", f"run {decision.number} was begun elsewhere meanwhile; try again"
        )
    _furnish(run, dataset, destinations)
    forget_old_runs(destinations)
    return run


def _new_run(number: int, plan: Plan, request: RunRequest, destinations: Destinations) -> Run:
    source = replace(request.source, versions=Versions(VERSION, pa.__version__, plan.data_version))
    return Run(
        id=_run_id(destinations.owner, request.uid, number),
        owner=destinations.owner,
        uid=request.uid,
        number=number,
        state=RunState.RUNNING,
        plan=plan,
        started_at=request.started_at or datetime.now(UTC),
        finished_at=None,
        message="",
        summary={SOURCE: source.to_json(), **_lake_place(destinations)},
    )


def _resume(
    run: Run,
    dataset: Dataset,
    destinations: Destinations,
    adopt: str | None,
    states: frozenset[RunState],
) -> Run:
    """Turn a run that is in one of `states` RUNNING again, its targets checked as for a new one."""
    _check_targets(dataset, destinations, adopt)
    # The Secret may lead to another S3 than it did at the start.
    place = _lake_place(destinations)
    facts = {**place, END_UNSEEN: False}
    if not destinations.ledger.runs.transition(run.id, states, RunState.RUNNING, summary=facts):
        raise DestinationRefused(
            "LiveRunElsewhere", f"run {run.number} changed its state meanwhile; try again"
        )
    _furnish(run, dataset, destinations)
    return run.taken_up()


def _go_on(run: Run, request: RunRequest, destinations: Destinations) -> Run:
    """The present run as it goes on: with its claims, pools and tables, or past needing them."""
    dataset = request.dataset(run.plan)
    try:
        if run.state in _ENDED:
            return _resume(run, dataset, destinations, request.adopt, _ENDED)
        if run.state is not RunState.COMPLETED:
            _hold_targets(run, dataset, destinations, request.adopt)
            if run.state not in LOADED:
                # The pod that began it may have died before it made the tables.
                _furnish(run, dataset, destinations)
    except Fenced:
        # Finalize holds no lock of ours: it went on since the state was read.
        now = destinations.ledger.runs.find(run.id)
        if now is None or now.state not in LOADED:
            raise
        return now
    return run


def _furnish(run: Run, dataset: Dataset, destinations: Destinations) -> None:
    """Make the pools and staging tables of a RUNNING run if they are missing."""
    # Also on a resume: the ledger may have been restored from before the pools were made.
    ensure_pools(dataset, destinations.ledger.pools)
    if destinations.warehouse is not None:
        destinations.warehouse.stage(run, dataset)


def _hold_targets(
    run: Run, dataset: Dataset, destinations: Destinations, adopt: str | None
) -> None:
    """See that an unfinished run still has its claims, and write again what its stores lost.

    Raises:
        DestinationRefused: TargetInUse, another has taken a target meanwhile.
    """
    if destinations.warehouse is not None and run.state is not RunState.PUBLISHING:
        destinations.warehouse.hold(dataset, adopt)
    if destinations.lake is not None:
        destinations.lake.hold(adopt)


def _discard(runs: Iterable[Run], destinations: Destinations, *, by: int) -> None:
    """End unfinished runs as ABORTED, dropped by run `by`, and clear away what they staged."""
    for run in runs:
        destinations.ledger.runs.transition(
            run.id,
            UNFINISHED | {RunState.FAILED, RunState.ABORTED},
            RunState.ABORTED,
            message=_dropped(run, by),
            # Who drops it holds the experiment, so none was at work on it any more.
            summary={END_UNSEEN: True} if run.state in UNFINISHED else None,
        )
        if destinations.warehouse is not None:
            destinations.warehouse.drop_staging(run.id)
        with lake_of(run, destinations) as lake:
            if lake is not None:
                lake.abort_uploads(run.id)
        # Last: should it be resumed after all, it must not count on what is gone.
        destinations.ledger.work.forget(run.id)


def _dropped(run: Run, by: int) -> str:
    """Of a run that an earlier one dropped already, which one that was."""
    dropped = "dropped by run"
    return run.message if run.message.startswith(dropped) else f"{dropped} {by}"


def _run_id(owner: str, uid: str, number: int) -> str:
    """A run's id: 12 hex digits of a hash of owner, uid and number."""
    name = "\0".join((owner, uid, str(number)))
    return hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _lake_place(destinations: Destinations) -> dict[str, str]:
    """By this `RunRecords.live_writer` knows whose a prefix is that has lost its claim."""
    return {} if destinations.lake is None else {LAKE_PLACE: destinations.lake.place}


def _check_targets(dataset: Dataset, destinations: Destinations, adopt: str | None) -> None:
    """Claim the names in Postgres, then the prefix: without the second the first is given up.

    In one order for all, so that of two who want the same one gets both.
    """
    warehouse, lake = destinations.warehouse, destinations.lake
    taken = None if warehouse is None else warehouse.check_target(dataset, adopt)
    if lake is None:
        return
    live = partial(destinations.ledger.runs.live_writer, lake.place, destinations.owner)
    try:
        lake.check_target([table.name for table in dataset.tables], adopt, live=live)
    except ClaimLeft:
        # By the names a purge knows that there is a prefix to give up.
        raise
    except (DestinationRefused, DestinationUnavailable):
        if warehouse is not None and taken is not None:
            # Out of reach, it is as after a crash: such claims hold nobody up.
            with suppress(DestinationUnavailable):
                warehouse.give_back(taken)
        raise
