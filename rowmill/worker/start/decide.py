"""What a `run` command does with the runs that the ledger knows: a pure decision on plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rowmill.plan.runs import RESUMABLE, Run
from rowmill.worker.run_history import left_over, published_run, same_data


class Mode(StrEnum):
    """What the user asked for: nothing special, `--resume` or `--restart`."""

    AUTO = "auto"
    RESUME = "resume"
    RESTART = "restart"


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
    """Take up `run` again; those in `close` are older ones that nobody will resume.

    `replaces` is as in `Begin`.
    """

    run: Run
    close: tuple[Run, ...]
    replaces: Run | None


@dataclass(frozen=True)
class Repeat:
    """The published run is of this very spec: nothing to do if its data is still all there.

    If it is not, `otherwise` says what to do instead.
    """

    run: Run
    otherwise: Begin


@dataclass(frozen=True)
class Conflict:
    """An unfinished run of another spec would be dropped: that wants `--restart`.

    `replaces` is what the new run would replace besides, as in `Begin`.
    """

    run: Run
    replaces: Run | None


@dataclass(frozen=True)
class NothingToResume:
    """`--resume` was asked for; `published` is the last complete run, if there is one."""

    published: Run | None


Decision = Begin | Resume | Repeat | Conflict | NothingToResume


def decide(runs: Sequence[Run], digest: str, data_version: int, mode: Mode) -> Decision:
    """Decide from `runs` (oldest first, none of them PUBLISHING) what a run command does.

    Only the newest run can be resumed: an older one was given up when a newer one began.
    """
    latest = runs[-1] if runs else None
    left = left_over(runs)
    published = published_run(runs)
    begin = Begin(latest.number + 1 if latest else 1, left, published)
    if mode is Mode.RESTART:
        return begin
    if latest is not None and latest.state in RESUMABLE:
        if latest.plan.digest == digest:
            return Resume(latest, left[:-1], published)
        return Conflict(latest, published)
    if mode is Mode.RESUME:
        return NothingToResume(published)
    if published is not None and same_data(published, digest, data_version):
        return Repeat(published, begin)
    return begin
