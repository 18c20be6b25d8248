"""What `status` and `runs` say of a run beside its figures: pure words on plain data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rowmill.plan.runs import RESUMABLE, Run, RunState
from rowmill.worker.run_options import options_of, run_again

_ENDED_EARLY = frozenset({RunState.FAILED, RunState.ABORTED})


def words_of(run: Run, *, left_alone: bool) -> Iterator[str]:
    """The lines of `status` below the tables.

    Args:
        left_alone: it is unfinished, and no process is at work on it.
    """
    if options := options_of(run):
        yield f"started with {options}"
    if message := message_of(run, left_alone=left_alone):
        yield message
    if run.state in _ENDED_EARLY or (left_alone and run.state in RESUMABLE):
        yield f"{run_again(run)} resumes it, --restart starts over"


def message_of(run: Run, *, left_alone: bool) -> str:
    """The run's message, and whether it waits for a process that never comes."""
    does = "completes" if run.state is RunState.PUBLISHING else "resumes"
    alone = f"no process holds it: the same `rowmill run` {does} it" if left_alone else ""
    return "; ".join(filter(None, (run.message, alone)))


def took(run: Run, now: datetime, *, left_alone: bool) -> float | None:
    """Seconds from the run's first start to its end, or to `now` while it lasts.

    Time between an interruption and the resume counts. None if its end is not known: nobody saw it,
    or its data was removed before it had ended.
    """
    if run.finished_at is not None:
        return (run.finished_at - run.started_at).total_seconds()
    if left_alone or run.state is RunState.RESET:
        return None
    return (now - run.started_at).total_seconds()
