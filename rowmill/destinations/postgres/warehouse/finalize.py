"""Finalize the loaded tables of a run: keys, indexes, references, what users added, counts.

Each step is a transaction of its own and finds by the catalogue what is done, so a finalize that
was killed anywhere is done again and ends the same. Each is fenced at its end, whatever connection
it has: a step of a run that was aborted meanwhile undoes itself. The run's lock is not held during
the step, so that an abort need not wait for an index.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rowmill.destinations.postgres.additions.model import Additions
from rowmill.destinations.postgres.additions.own_keys import Made
from rowmill.destinations.postgres.additions.staged import Lack, drop
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import fence_shared
from rowmill.destinations.postgres.ledger.run_rows import running_key
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.tables.staging import staging_schema
from rowmill.destinations.postgres.warehouse.finalize_steps import finalize_steps
from rowmill.destinations.postgres.warehouse.step_lanes import do_steps
from rowmill.destinations.postgres.warehouse.step_order import FinalizeStep, shares
from rowmill.plan.runs import Run, RunState

# For all sorts and hashes together, unless the server gives one more: enough for some millions of
# keys without many passes.
_MEMORY = 256 * 2**20


class Finalize:
    """One finalize of a FINALIZING run, over a session and up to `connections` in all."""

    def __init__(
        self, session: PostgresSession, ledger_schema: str, run: Run, connections: int
    ) -> None:
        self._session = session
        self._ledger = ledger_schema
        self._run = run
        self._wanted = connections
        self._memory = 0

    def do(
        self,
        new: Made,
        additions: Additions,
        lack: Lack,
        report: Callable[[str], None],
        look: Callable[[], None],
    ) -> None:
        """Make of the staged tables what `new` and users' `additions` say, and count their rows.

        Args:
            new: what the run makes.
            additions: what users put on the published tables.
            lack: what of it is to be made, and what is to go first.
            report: told each step that begins, by any thread.
            look: called now and then; what it raises ends the steps.
        """
        schema = staging_schema(self._run.id)
        memory = self._session.transaction(_memory)
        connections, self._memory = shares(self._wanted, len(self._run.plan.tables), memory)
        # First and one after another: what goes may take with it what stands on it, wherever that
        # is.
        drops = [
            FinalizeStep(f"drop {thing}", {}, 0, partial(drop, schema=schema, thing=thing))
            for thing in lack.drops
        ]
        do_steps(self._session, drops, 1, self._step, report, look)
        steps = finalize_steps(
            schema,
            {layout.table: layout.rows for layout in self._run.plan.tables},
            new.steps,
            lack.builds,
            additions.settings,
        )
        do_steps(self._session, steps, connections, self._step, report, look)

    def _step(
        self, session: PostgresSession, step: FinalizeStep, wanted: Callable[[], bool]
    ) -> None:
        """One step in its own transaction, fenced at its end."""

        def fenced_step(cursor: Cursor) -> None:
            running_key(cursor, self._ledger, self._run.id, RunState.FINALIZING)
            cursor.execute(
                "SELECT set_config('maintenance_work_mem', %s, true)",
                (f"{self._memory // 1024}kB",),
            )
            step.work(cursor)
            fence_shared(cursor, self._run.id)
            running_key(cursor, self._ledger, self._run.id, RunState.FINALIZING)

        session.transaction(fenced_step, doing=step.label, wanted=wanted)


def _memory(cursor: Cursor) -> int:
    """The bytes that the steps of a finalize may take together: as much as one always might."""
    row = cursor.execute("SELECT pg_size_bytes(current_setting('maintenance_work_mem'))").fetchone()
    return max(_MEMORY, int(row[0]) if row else 0)
