"""A run's row in the Postgres ledger, read and moved inside the transaction of its caller."""

from __future__ import annotations

from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from rowmill.destinations.errors import Fenced
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.quoted_names import quoted
from rowmill.plan.runs import REASON, RunState

_ENDED = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.ABORTED})


def move_run(
    cursor: Cursor,
    schema: str,
    run_id: str,
    expected: frozenset[RunState],
    to: RunState,
    message: str,
    summary: dict[str, Any],
) -> bool:
    """Set a run's state if it is one of `expected`; the caller's transaction holds the fence."""
    cursor.execute(
        sql.SQL(
            "UPDATE {}.runs SET state = %(to)s, message = %(message)s, "
            "summary = (summary - %(reason)s::text) || %(summary)s, "
            "finished_at = CASE WHEN %(reset)s THEN finished_at "
            "WHEN %(ended)s THEN coalesce(finished_at, now()) END "
            "WHERE id = %(id)s AND state = ANY(%(expected)s)"
        ).format(quoted(schema)),
        {
            "id": run_id,
            "to": to.value,
            "message": message,
            "summary": Jsonb(summary),
            "reason": REASON,
            "reset": to is RunState.RESET,
            "ended": to in _ENDED,
            "expected": [state.value for state in expected],
        },
    )
    return cursor.rowcount == 1


def running_key(
    cursor: Cursor, schema: str, run_id: str, state: RunState = RunState.RUNNING
) -> int:
    """The run's key in the ledger's rows, read behind the fence.

    Raises:
        Fenced: the run is not in `state`.
    """
    row = _key_and_state(cursor, schema, run_id)
    if row is None or row[1] != state.value:
        raise fenced(run_id, None if row is None else row[1], state)
    return int(row[0])


def run_state(cursor: Cursor, schema: str, run_id: str) -> RunState | None:
    """The run's state as it is now; None of a run that the ledger does not know."""
    row = _key_and_state(cursor, schema, run_id)
    return None if row is None else RunState(row[1])


def kept_source(cursor: Cursor, schema: str, run_id: str) -> dict[str, Any] | None:
    """What the run came from, as its prepare kept it; None of a run without such a record."""
    query = sql.SQL("SELECT summary -> 'source' FROM {}.runs WHERE id = %s").format(quoted(schema))
    row = cursor.execute(query, (run_id,)).fetchone()
    return None if row is None else row[0]


def fenced(run_id: str, found: str | None, wanted: RunState = RunState.RUNNING) -> Fenced:
    """The error of a worker that may not write any more."""
    state = f"is {found}" if found is not None else "is not in the ledger any more"
    return Fenced(f"run {run_id} {state}, not {wanted.value}: nothing was written")


def _key_and_state(cursor: Cursor, schema: str, run_id: str) -> tuple[Any, ...] | None:
    query = sql.SQL("SELECT key, state FROM {}.runs WHERE id = %s").format(quoted(schema))
    return cursor.execute(query, (run_id,)).fetchone()
