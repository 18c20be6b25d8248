"""What a start does with what was observed: pure decisions on plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rowmill.engine.request import Mode
from rowmill.plan.runs import RESUMABLE, Run, RunState
from rowmill.spec.dataset import Spec
from rowmill.worker.run_history import left_over, published_run, same_data
from rowmill.worker.start.observation import LedgerView, Observation


@dataclass(frozen=True)
class Begin:
    """Start run `number`; those in `close` can no longer be resumed and are cleared away first.

    `replaces` is the run whose data readers see until this one is published, None if they see none.
    """

    number: int
    close: tuple[Run, ...]
    replaces: Run | None


@dataclass(frozen=True)
class Resume:
    """Resume `run`, at which nobody is at work; those in `close` are older ones to be discarded.

    `replaces` is as in `Begin`.
    """

    run: Run
    close: tuple[Run, ...]
    replaces: Run | None


@dataclass(frozen=True)
class GoOn:
    """Go on with `run`, at which others may be at work; `replaces` is as in `Begin`."""

    run: Run
    replaces: Run | None


@dataclass(frozen=True)
class Repeat:
    """The published run is of this very spec, and all its data is there: nothing is to be loaded.

    Those in `close` are cleared away, as run `number` would have done.
    """

    run: Run
    number: int
    close: tuple[Run, ...]


@dataclass(frozen=True)
class Conflict:
    """An unfinished run of another spec, or one that was not asked for, would be dropped.

    That wants `--restart`.

    `replaces` is what the new run would replace besides, as in `Begin`.
    """

    run: Run
    replaces: Run | None


@dataclass(frozen=True)
class NothingToResume:
    """`--resume` was asked for; `published` is the last complete run, if there is one."""

    published: Run | None


@dataclass(frozen=True)
class NumberTaken:
    """The ledger has the number for another manifest."""

    run: Run


Start = Begin | Resume | GoOn | Repeat
LocalDecision = Begin | Resume | Repeat | Conflict | NothingToResume
ClusterDecision = Begin | GoOn | Repeat | NumberTaken


def decide(observed: Observation, digest: str, data_version: int, mode: Mode) -> LocalDecision:
    """What a run command does; no run of the ledger is PUBLISHING.

    Only the newest run can be resumed: an older one was given up when a newer one began.
    """
    runs = observed.ledger.runs
    latest = runs[-1] if runs else None
    number = latest.number + 1 if latest else 1
    if mode is Mode.RESTART:
        return _begin(observed, number)
    published = published_run(runs)
    if latest is not None and latest.state in RESUMABLE:
        if latest.plan.digest == digest and mode is not Mode.RERUN:
            return Resume(latest, left_over(runs)[:-1], published)
        return Conflict(latest, published)
    if mode is Mode.RERUN:
        return _begin(observed, number)
    if mode is Mode.RESUME:
        if latest is not None and _was_completed(latest, observed) and latest.plan.digest == digest:
            return Repeat(latest, number, left_over(runs))
        return NothingToResume(published)
    return _begin_or_repeat(observed, number, digest, data_version)


def decide_numbered(
    observed: Observation, uid: str, number: int, digest: str, data_version: int
) -> ClusterDecision:
    """What a pod of run `number`, which is not stale, does."""
    runs = observed.ledger.runs
    newest = runs[-1] if runs else None
    if newest is not None and (newest.uid, newest.number) == (uid, number):
        if newest.plan.digest != digest:
            return NumberTaken(newest)
        return GoOn(newest, published_run(runs[:-1]))
    return _begin_or_repeat(observed, number, digest, data_version)


def stale(ledger_view: LedgerView, uid: str, number: int) -> str | None:
    """What took the place of run `number` of `uid`; None while it may go on."""
    if ledger_view.uid != uid:
        if uid not in ledger_view.uids:
            return None
        return (
            "another Experiment of this name began a run since: this one was deleted and applied "
            "again, or two clusters with one engineId write to this destination"
        )
    newest = ledger_view.runs[-1] if ledger_view.runs else None
    if newest is not None and newest.number > number:
        return f"run {newest.number} was begun since"
    return None


def was_reset(ledger_view: LedgerView, uid: str, number: int) -> bool:
    """Whether the data of run `number` of `uid`, which is not `stale`, was removed."""
    newest = ledger_view.runs[-1] if ledger_view.uid == uid and ledger_view.runs else None
    return newest is not None and newest.number == number and newest.state is RunState.RESET


def data_version_for(spec: Spec, runs: Sequence[Run]) -> int:
    """The manifest's data version; without one that of the last run, so that upgrades change none.

    The first run of an experiment takes the one that `spec` is of.
    """
    if spec.pins_data_version or not runs:
        return spec.data_version
    return runs[-1].plan.data_version


def _was_completed(run: Run, observed: Observation) -> bool:
    """Whether this start has resumed `run`, of which the publishing alone was to be done."""
    return run.number in observed.rolled_forward


def _begin_or_repeat(
    observed: Observation, number: int, digest: str, data_version: int
) -> Begin | Repeat:
    runs = observed.ledger.runs
    published = published_run(runs)
    if (
        published is not None
        and same_data(published, digest, data_version)
        and observed.is_intact(published)
    ):
        return Repeat(published, number, left_over(runs))
    return _begin(observed, number)


def _begin(observed: Observation, number: int) -> Begin:
    runs = observed.ledger.runs
    return Begin(number, left_over(runs), published_run(runs) or observed.adopted())
