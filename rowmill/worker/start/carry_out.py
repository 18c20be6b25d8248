"""What a start carries out: begin a run, take one up, give older ones up.

It runs under the ledger's lock, once at a time, and each step can be repeated after a crash in it.
Datasets are by the data version that the run's plan froze.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa

from rowmill.destinations.errors import ClaimLeft, DestinationRefused, DestinationUnavailable
from rowmill.destinations.ledger import LAKE_PLACE
from rowmill.plan.layout import Plan
from rowmill.plan.run_source import SOURCE, RunSource, Versions
from rowmill.plan.runs import END_UNSEEN, RESUMABLE, UNFINISHED, Run, RunState
from rowmill.spec.dataset import Dataset
from rowmill.version import VERSION
from rowmill.worker.destinations import Destinations
from rowmill.worker.pools import check_columns, ensure_pools
from rowmill.worker.previous_run import lake_of


def begin(
    dataset: Dataset,
    destinations: Destinations,
    plan: Plan,
    *,
    uid: str,
    number: int,
    close: Iterable[Run],
    adopt: str | None,
    source: RunSource,
    started_at: datetime | None = None,
) -> Run:
    """Claim the targets for a new run, end those in `close`, and make all that its workers need.

    Args:
        plan: frozen with it, data version and all.
        adopt: another owner whose targets may be taken over.
        source: what the dataset came from, for `run_spec.spec_of`.
        started_at: when the run was asked for; None: now.

    Raises:
        ImpossibleColumns: what no data can satisfy; nothing was written.
        DestinationRefused: a destination will not take this run.
    """
    ledger = destinations.ledger
    check_columns(dataset, ensure_pools(dataset, ledger.pools))
    _check_targets(dataset, destinations, adopt)
    discard(close, destinations, by=number)
    ledger.runs.claim(destinations.owner, uid)
    run = ledger.runs.create(
        Run(
            id=run_id(destinations.owner, uid, number),
            owner=destinations.owner,
            uid=uid,
            number=number,
            state=RunState.RUNNING,
            plan=plan,
            started_at=started_at or datetime.now(UTC),
            finished_at=None,
            message="",
            summary={SOURCE: _versioned(source, plan).to_json(), **_lake_place(destinations)},
        )
    )
    if run.plan != plan:
        # Our locks were lost for a moment, and somebody began this number with another manifest.
        raise DestinationRefused(
            "LiveRunElsewhere", f"run {number} was begun elsewhere meanwhile; try again"
        )
    furnish(run, dataset, destinations)
    return run


def _versioned(source: RunSource, plan: Plan) -> RunSource:
    return replace(source, versions=Versions(VERSION, pa.__version__, plan.data_version))


def resume(
    run: Run,
    dataset: Dataset,
    destinations: Destinations,
    adopt: str | None,
    states: frozenset[RunState] = RESUMABLE,
) -> Run:
    """Turn a run that is in one of `states` RUNNING again, its targets checked as for a new one.

    Raises:
        DestinationRefused: a destination will not take it any more, or its state changed.
    """
    _check_targets(dataset, destinations, adopt)
    # The Secret may lead to another S3 than it did at the start.
    place = _lake_place(destinations)
    facts = {**place, END_UNSEEN: False}
    if not destinations.ledger.runs.transition(run.id, states, RunState.RUNNING, summary=facts):
        raise DestinationRefused(
            "LiveRunElsewhere", f"run {run.number} changed its state meanwhile; try again"
        )
    furnish(run, dataset, destinations)
    return run.at(RunState.RUNNING)


def furnish(run: Run, dataset: Dataset, destinations: Destinations) -> None:
    """Make the pools and staging tables of a RUNNING run if they are missing."""
    # Also on a resume: the ledger may have been restored from before the pools were made.
    ensure_pools(dataset, destinations.ledger.pools)
    if destinations.warehouse is not None:
        destinations.warehouse.stage(run, dataset)


def hold_targets(run: Run, dataset: Dataset, destinations: Destinations, adopt: str | None) -> None:
    """See that an unfinished run still has its claims, and write again what its stores lost.

    Raises:
        DestinationRefused: TargetInUse, another has taken a target meanwhile.
    """
    if destinations.warehouse is not None and run.state is not RunState.PUBLISHING:
        destinations.warehouse.hold(dataset, adopt)
    if destinations.lake is not None:
        destinations.lake.hold(adopt)


def discard(runs: Iterable[Run], destinations: Destinations, *, by: int) -> None:
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
        # Last: should this be taken up again after all, it must not count on what is gone.
        destinations.ledger.work.forget(run.id)


def _dropped(run: Run, by: int) -> str:
    """Of a run that an earlier one dropped already, which one that was."""
    dropped = "dropped by run"
    return run.message if run.message.startswith(dropped) else f"{dropped} {by}"


def run_id(owner: str, uid: str, number: int) -> str:
    """A run's id: 12 hex digits of a hash of owner, uid and number."""
    name = "\0".join((owner, uid, str(number)))
    return hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _lake_place(destinations: Destinations) -> dict[str, str]:
    """By this `Ledger.live_writer` knows whose a prefix is that has lost its claim."""
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
