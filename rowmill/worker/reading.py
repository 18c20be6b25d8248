"""Find runs to read: by the owner key, or by what the tables and the bucket say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rowmill.destinations.ledger import Ledger
from rowmill.engine.verdict import Verdict, left_alone
from rowmill.plan.run_source import source_of
from rowmill.plan.runs import UNFINISHED, Run, RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.live_progress import LiveProgress
from rowmill.worker.run_history import published_run
from rowmill.worker.verdicts import kept_verdict

# A bucket tells times in whole seconds. What is of later than now was told before the server's
# clock was set back: nobody knows how long ago.
_ROUNDED_SECONDS = 1.0


def experiment_runs(destinations: Destinations) -> list[Run]:
    """The runs of the experiment, oldest first; those of its tables' owner if it has none itself.

    Reading needs no ownership: a colleague's data can be looked at and verified.
    """
    if own := own_runs(destinations):
        return own
    owner = _owner_of_data(destinations) if destinations.ledger.found() else None
    return destinations.ledger.runs.of(owner) if owner else []


def own_runs(destinations: Destinations) -> list[Run]:
    """The runs of the experiment itself, oldest first: what it may change."""
    ledger = destinations.ledger
    return ledger.runs.of(destinations.owner) if ledger.found() else []


def abandoned(run: Run, ledger: Ledger) -> bool:
    """Whether `run`, as it was read, is unfinished and no process is at work on it.

    Never of a cluster's run, whose pods hold no lock. It is read once more after the lock, since
    its supervisor lets go only after it told how it ended.
    """
    source = source_of(run)
    if run.state not in UNFINISHED or (source is not None and source.cluster is not None):
        return False
    if ledger.locks.is_held(run.owner):
        return False
    again = ledger.runs.find(run.id)
    return again is not None and again.state is run.state


def verdict_on(run: Run, ledger: Ledger, *, followed: bool) -> Verdict | None:
    """What is known of the data of `run`, as it was read; None if it has none, or nobody asked.

    Who verifies holds the experiment. It is read once more after the lock, as in `abandoned`.

    Args:
        run: as it was read.
        ledger: its own.
        followed: a later run has begun, so that nobody verifies this one any more.
    """
    verdict = kept_verdict(run) if run.state is RunState.COMPLETED else None
    if verdict is None or not verdict.awaited:
        return verdict
    if not followed and ledger.locks.is_held(run.owner):
        return verdict
    again = ledger.runs.find(run.id)
    now = None if again is None else kept_verdict(again)
    return left_alone(run.number) if now is not None and now.awaited else now


@dataclass(frozen=True)
class Told:
    """What the supervisor of an unfinished run told last, and when by the ledger's clock.

    `fresh`: it is of now. If not, nobody may be at work any more, or out of reach of the ledger.
    """

    live: LiveProgress
    at: datetime
    fresh: bool


def told(run: Run, ledger: Ledger) -> Told | None:
    """How far the supervisor of `run` says it is; None of an ended run, or if it never told."""
    stored = ledger.progress.read(run.id) if run.state in UNFINISHED else None
    live = None if stored is None else LiveProgress.from_json(stored.body)
    if stored is None or live is None:
        return None
    return Told(live, stored.at, -_ROUNDED_SECONDS <= stored.age <= ledger.progress.fresh_seconds)


def published(destinations: Destinations) -> Run | None:
    """The run whose data readers see."""
    runs = experiment_runs(destinations)
    live = [run for run in runs if run.state is RunState.PUBLISHING]
    return live[-1] if live else published_run(runs)


def _owner_of_data(destinations: Destinations) -> str | None:
    if destinations.warehouse is not None and (owner := destinations.warehouse.data_owner()):
        return owner
    return destinations.lake.data_owner() if destinations.lake is not None else None
