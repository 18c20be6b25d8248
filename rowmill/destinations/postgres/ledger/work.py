"""The work in a Postgres ledger: which batches and parts of a run are durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import sql

from rowmill.destinations.errors import Fenced
from rowmill.destinations.ledger import PendingPart, RunRecords
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import fence_shared
from rowmill.destinations.postgres.ledger.run_rows import running_key
from rowmill.destinations.postgres.ledger.statements import LedgerStatements
from rowmill.plan.layout import Plan


class PostgresWork:
    """The `Work` of a ledger in Postgres."""

    def __init__(self, ledger: LedgerStatements, runs: RunRecords) -> None:
        self._ledger = ledger
        self._runs = runs
        self._plans: dict[str, Plan] = {}

    def done_batches(self, run_id: str) -> dict[str, list[tuple[int, int]]]:
        return self._batches(run_id, lambda cursor: None)

    def settled_batches(self, run_id: str) -> dict[str, list[tuple[int, int]]]:
        def write(cursor: Cursor) -> None:
            # A lock on a row is written to the log, and so the COMMIT waits until that is on disk:
            # up to its own record, which comes after those of the batches that were seen. It holds
            # up nobody, and shows nowhere.
            cursor.execute(
                self._ledger.sql("SELECT FROM {}.runs WHERE id = %s FOR KEY SHARE"), (run_id,)
            )

        return self._batches(run_id, write)

    def _batches(
        self, run_id: str, also: Callable[[Cursor], None]
    ) -> dict[str, list[tuple[int, int]]]:
        plan = self._plan(run_id)
        query = self._ledger.sql(
            "SELECT tbl, min(batch), max(batch) + 1 FROM ("
            " SELECT tbl, batch, batch - row_number() OVER (PARTITION BY tbl ORDER BY batch) AS grp"
            " FROM {0}.batches JOIN {0}.runs ON key = run WHERE id = %(id)s"
            ") AS islands GROUP BY tbl, grp "
            "UNION ALL SELECT tbl, first_batch, stop_batch FROM {0}.lineage "
            "JOIN {0}.runs ON key = run WHERE id = %(id)s ORDER BY 1, 2"
        )

        def read(cursor: Cursor) -> list[tuple[Any, ...]]:
            also(cursor)
            return cursor.execute(query, {"id": run_id}).fetchall()

        rows = self._ledger.session.transaction(read)
        done: dict[str, list[tuple[int, int]]] = {}
        for tbl, first, stop in rows:
            _append(done.setdefault(plan.tables[tbl].table, []), first, stop)
        return done

    def pending_parts(self, run_id: str) -> dict[tuple[str, int], PendingPart]:
        plan = self._plan(run_id)
        rows = self._ledger.all(
            "SELECT tbl, part, object_key, upload_id, etags, rows, bytes, sha256 "
            "FROM {0}.parts JOIN {0}.runs ON key = run WHERE id = %s ORDER BY tbl, part",
            (run_id,),
        )
        found = {}
        for tbl, number, key, upload_id, etags, count, size, sha256 in rows:
            table = plan.tables[tbl].table
            found[table, number] = PendingPart(
                table, number, key, upload_id, tuple(etags), count, size, sha256
            )
        return found

    def record_part(self, run_id: str, part: PendingPart) -> bool:
        tbl = _place(self._plan(run_id), part.table)

        def record(cursor: Cursor) -> bool:
            fence_shared(cursor, run_id)
            key = running_key(cursor, self._ledger.schema, run_id)
            cursor.execute(
                self._ledger.sql(
                    "INSERT INTO {}.parts AS there VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
                    "ON CONFLICT (run, tbl, part) DO UPDATE SET object_key = excluded.object_key, "
                    "upload_id = excluded.upload_id, etags = excluded.etags, rows = excluded.rows, "
                    "bytes = excluded.bytes, sha256 = excluded.sha256 "
                    "WHERE there.rows <> excluded.rows"
                ),
                (
                    key,
                    tbl,
                    part.number,
                    part.key,
                    part.upload_id,
                    list(part.etags),
                    part.rows,
                    part.bytes,
                    part.sha256,
                ),
            )
            if cursor.rowcount == 1:
                return True
            # Our own, when the answer to its COMMIT was lost.
            row = cursor.execute(
                self._ledger.sql(
                    "SELECT upload_id FROM {}.parts WHERE (run, tbl, part) = (%s, %s, %s)"
                ),
                (key, tbl, part.number),
            ).fetchone()
            return row == (part.upload_id,)

        return self._ledger.session.transaction(record)

    def replace_part(self, run_id: str, part: PendingPart) -> None:
        self._ledger.do(
            "UPDATE {0}.parts SET object_key = %s, upload_id = %s, etags = %s, rows = %s, "
            "bytes = %s, sha256 = %s WHERE run = (SELECT key FROM {0}.runs WHERE id = %s) "
            "AND tbl = %s AND part = %s",
            (
                part.key,
                part.upload_id,
                list(part.etags),
                part.rows,
                part.bytes,
                part.sha256,
                run_id,
                _place(self._plan(run_id), part.table),
                part.number,
            ),
        )

    def forget(self, run_id: str) -> None:
        keys = self._ledger.sql("SELECT key FROM {}.runs WHERE id = %s")
        self._ledger.session.transaction(
            lambda cursor: delete_work(self._ledger, cursor, keys, run_id)
        )

    def collapse(self, run_id: str) -> None:
        plan = self._plan(run_id)

        def fold(cursor: Cursor) -> None:
            row = cursor.execute(
                self._ledger.sql("SELECT key FROM {}.runs WHERE id = %s FOR UPDATE"), (run_id,)
            ).fetchone()
            key = None if row is None else row[0]
            sizes = [table.part_batches for table in plan.tables]
            cursor.execute(
                self._ledger.sql(
                    "INSERT INTO {0}.lineage SELECT run, tbl, part, min(batch), max(batch) + 1 "
                    "FROM (SELECT run, tbl, batch, batch / (%(sizes)s::int[])[tbl + 1] AS part, "
                    " batch - row_number() OVER (PARTITION BY tbl ORDER BY batch) AS grp "
                    " FROM {0}.batches WHERE run = %(key)s) AS islands "
                    "GROUP BY run, tbl, part, grp ON CONFLICT DO NOTHING"
                ),
                {"sizes": sizes, "key": key},
            )
            cursor.execute(self._ledger.sql("DELETE FROM {}.batches WHERE run = %s"), (key,))

        self._ledger.session.transaction(fold)

    def _plan(self, run_id: str) -> Plan:
        """The run's plan, which never changes, so that it is read once."""
        if run_id not in self._plans:
            run = self._runs.find(run_id)
            if run is None:
                raise Fenced(f"the ledger knows no run {run_id}: its experiment was deleted")
            self._plans[run_id] = run.plan
        return self._plans[run_id]


def delete_work(
    ledger: LedgerStatements, cursor: Cursor, keys: sql.Composable, of: str | list[str]
) -> None:
    """Delete what accounts for the rows of the runs that `keys` selects, given `of`."""
    for table in ("batches", "parts", "lineage"):
        cursor.execute(ledger.sql("DELETE FROM {}.{} WHERE run IN ({})", table, keys), (of,))


def _place(plan: Plan, table: str) -> int:
    return next(n for n, layout in enumerate(plan.tables) if layout.table == table)


def _append(intervals: list[tuple[int, int]], first: int, stop: int) -> None:
    """Add a half-open interval that starts no earlier than the last one, joined to it if it can."""
    if intervals and intervals[-1][1] >= first:
        first, stop = intervals[-1][0], max(stop, intervals[-1][1])
        intervals.pop()
    intervals.append((first, stop))
