"""What `status` says of a run beside its figures: pure words on plain data."""

from __future__ import annotations

from collections.abc import Iterator

from rowmill.engine.records import RunRecord, State
from rowmill.plan.runs import Run, RunState
from rowmill.worker.run_options import options_of, run_again

_ENDED_EARLY = frozenset({State.FAILED, State.ABORTED, State.INTERRUPTED})


def words_of(run: Run, record: RunRecord) -> Iterator[str]:
    """The lines of `status` below the tables, of a run and its record."""
    if options := options_of(run):
        yield f"started with {options}"
    if record.message:
        yield record.message
    # What was being published is only completed: its message says so.
    if record.state in _ENDED_EARLY and run.state is not RunState.PUBLISHING:
        yield f"{run_again(run)} resumes it, --restart starts over"
