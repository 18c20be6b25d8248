"""What a supervisor's snapshot tells of its run, in the words of records: pure, on plain data."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from rowmill.engine.records import Progress, RunRecord, State
from rowmill.engine.verdict import awaited, unverified
from rowmill.errors import Interrupted, RowmillError
from rowmill.local.records import run_records
from rowmill.local.run.progress import Phase, Snapshot
from rowmill.plan.runs import SUSPENDED

_STATES = {
    Phase.VERIFYING: State.COMPLETED,
    Phase.COMPLETE: State.COMPLETED,
    Phase.FAILED: State.FAILED,
}
PUBLISH = "publish"


def under_way(snapshot: Snapshot) -> Progress:
    """How far a run is; batches are told by their number, at the least, and not which."""
    known = run_records.progress(snapshot.run, None)
    tables = tuple(
        run_records.table_of_rows(layout, state.rows)
        for layout, state in zip(snapshot.run.plan.tables, snapshot.tables, strict=True)
    )
    verifying = snapshot.phase is Phase.VERIFYING
    run = replace(
        known.run,
        state=_state(snapshot),
        rows=snapshot.rows,
        verification=awaited(snapshot.run.number) if verifying else None,
    )
    return Progress(run, tables, snapshot.rows_per_second or None, snapshot.eta_seconds)


def ended(snapshot: Snapshot, error: RowmillError, at: datetime) -> Progress:
    """How far a run was when it ended by an error; one that was being verified is complete."""
    last = under_way(snapshot)
    if _cut_while_published(snapshot):
        return cut(snapshot, error)
    state = last.run.state
    if state is not State.COMPLETED and isinstance(error, Interrupted):
        state = State.SUSPENDED if error.reason == SUSPENDED else State.ABORTED
    over = replace(last.run, state=state, finished_at=at)
    if last.run.verification is None:
        run = replace(over, message=error.message)
    else:
        verdict = unverified(snapshot.run.number, error)
        run = replace(over, verification=verdict)
    return Progress(run, last.tables)


def cut(snapshot: Snapshot, error: RowmillError) -> Progress:
    """How far a run was whose end the ledger was not told: nobody is at work on it any more."""
    last = under_way(snapshot)
    # The ledger keeps it so, and a resume completes it.
    state = State.PUBLISHING if _cut_while_published(snapshot) else State.INTERRUPTED
    return Progress(replace(last.run, state=state, message=error.message), last.tables)


def taken_over(there: RunRecord, ours: RunRecord) -> bool:
    """Whether the word kept last is another supervisor's: of another run, or of this one complete.

    One that was frozen does not know yet that its run is not its own any more.
    """
    return there.id != ours.id or (
        there.state is State.COMPLETED and ours.state is not State.COMPLETED
    )


def _cut_while_published(snapshot: Snapshot) -> bool:
    return snapshot.step == PUBLISH and snapshot.phase in (Phase.INTERRUPTED, Phase.FAILED)


def _state(snapshot: Snapshot) -> State:
    if snapshot.phase is Phase.FINALIZING:
        return State.PUBLISHING if snapshot.step == PUBLISH else State.FINALIZING
    return _STATES.get(snapshot.phase, State.RUNNING)
