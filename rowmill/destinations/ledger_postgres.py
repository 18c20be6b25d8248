"""The ledger in Postgres: runs, batches, parts and pools beside the rows they account for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from rowmill.destinations.errors import Fenced
from rowmill.destinations.experiment_hold import Hold, hold_experiment
from rowmill.destinations.ledger import LAKE_PLACE, PendingPart
from rowmill.destinations.ledger_locks import (
    fence_shared,
    fenced_transaction,
    is_locked,
    lock_key,
)
from rowmill.destinations.ledger_runs import move_run, running_key
from rowmill.destinations.ledger_tables import ensure_tables, tables_found
from rowmill.destinations.postgres_connection import (
    Cursor,
    PostgresSession,
    begin_statement,
    quoted,
)
from rowmill.plan.layout import Plan
from rowmill.plan.runs import UNFINISHED, Run, RunState

T = TypeVar("T")

# Prepare may make pools for minutes under its lock; a frozen one must not hold it for good.
_PREPARE_SECONDS = 1800
_RUN_COLUMNS = "id, owner, uid, number, state, plan, started_at, finished_at, message, summary"


class PostgresLedger:
    """The `Ledger` of an experiment that loads into Postgres.

    The session, which others may share, is for one thread at a time; `hold_experiment` and
    `preparing` use connections of their own.
    """

    def __init__(self, session: PostgresSession, ledger_schema: str) -> None:
        self._session = session
        self._schema = ledger_schema

    def ensure(self) -> None:
        ensure_tables(self._session, self._schema)

    def found(self) -> bool:
        return tables_found(self._session, self._schema)

    def hold_experiment(self, owner: str) -> AbstractContextManager[Hold]:
        return hold_experiment(self._session.address, owner)

    def is_held(self, owner: str) -> bool:
        return self._session.transaction(lambda cursor: is_locked(cursor, "experiment", owner))

    @contextmanager
    def preparing(self, owner: str) -> Iterator[None]:
        session = PostgresSession(self._session.address)
        try:
            session.persist(lambda: _lock_prepare(session, owner))
            yield
        finally:
            # Ends the transaction; if the lock was lost before, another prepare did the same
            # steps, each of which bears that.
            session.close()

    def uid(self, owner: str) -> str | None:
        row = self._one("SELECT uid FROM {}.experiments WHERE owner = %s", (owner,))
        return None if row is None else str(row[0])

    def uids(self, owner: str) -> frozenset[str]:
        rows = self._all("SELECT DISTINCT uid FROM {}.runs WHERE owner = %s", (owner,))
        return frozenset(row[0] for row in rows)

    def claim(self, owner: str, uid: str) -> None:
        self._do(
            "INSERT INTO {}.experiments AS e (owner, uid) VALUES (%s, %s) ON CONFLICT (owner) "
            "DO UPDATE SET uid = excluded.uid, claimed_at = now() WHERE e.uid <> excluded.uid",
            (owner, uid),
        )

    def owners(self) -> list[str]:
        return [row[0] for row in self._all("SELECT owner FROM {}.experiments ORDER BY owner")]

    def runs(self, owner: str) -> list[Run]:
        rows = self._all(
            f"SELECT {_RUN_COLUMNS} FROM {{0}}.runs JOIN {{0}}.experiments USING (owner, uid) "
            "WHERE owner = %s ORDER BY number",
            (owner,),
        )
        return [_run(row) for row in rows]

    def run(self, run_id: str) -> Run | None:
        row = self._one(f"SELECT {_RUN_COLUMNS} FROM {{}}.runs WHERE id = %s", (run_id,))
        return None if row is None else _run(row)

    def live_writer(self, place: str, owner: str) -> str | None:
        row = self._one(
            "SELECT owner FROM {0}.runs JOIN {0}.experiments USING (owner, uid) "
            "WHERE owner <> %s AND state = ANY(%s) AND summary->>%s = %s ORDER BY owner LIMIT 1",
            (owner, [state.value for state in UNFINISHED], LAKE_PLACE, place),
        )
        return None if row is None else str(row[0])

    def create_run(self, run: Run) -> Run:
        def create(cursor: Cursor) -> Run:
            cursor.execute(
                self._sql(
                    f"INSERT INTO {{}}.runs ({_RUN_COLUMNS}) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
                ),
                (
                    run.id,
                    run.owner,
                    run.uid,
                    run.number,
                    run.state.value,
                    Jsonb(run.plan.to_json()),
                    run.started_at,
                    run.finished_at,
                    run.message,
                    Jsonb(run.summary),
                ),
            )
            row = cursor.execute(
                self._sql(
                    f"SELECT {_RUN_COLUMNS} FROM {{}}.runs "
                    "WHERE owner = %s AND uid = %s AND number = %s"
                ),
                (run.owner, run.uid, run.number),
            ).fetchone()
            if row is None:
                raise AssertionError(f"run id {run.id} is taken by another experiment")
            return _run(row)

        return self._session.transaction(create)

    def transition(
        self,
        run_id: str,
        expected: frozenset[RunState],
        to: RunState,
        *,
        message: str = "",
        summary: dict[str, Any] | None = None,
    ) -> bool:
        moved = False

        def move(cursor: Cursor) -> bool:
            nonlocal moved
            # Also from the new state, once moved: the answer to that COMMIT may have been lost.
            states = expected | {to} if moved else expected
            moved = move_run(cursor, self._schema, run_id, states, to, message, summary or {})
            return moved

        return fenced_transaction(self._session, run_id, move)

    def note(self, run_id: str, facts: dict[str, Any]) -> None:
        self._do("UPDATE {}.runs SET summary = summary || %s WHERE id = %s", (Jsonb(facts), run_id))

    def done_batches(self, run_id: str) -> dict[str, list[tuple[int, int]]]:
        plan = self._plan(run_id)
        rows = self._all(
            "SELECT tbl, min(batch), max(batch) + 1 FROM ("
            " SELECT tbl, batch, batch - row_number() OVER (PARTITION BY tbl ORDER BY batch) AS grp"
            " FROM {0}.batches JOIN {0}.runs ON key = run WHERE id = %(id)s"
            ") AS islands GROUP BY tbl, grp "
            "UNION ALL SELECT tbl, first_batch, stop_batch FROM {0}.lineage "
            "JOIN {0}.runs ON key = run WHERE id = %(id)s ORDER BY 1, 2",
            {"id": run_id},
        )
        done: dict[str, list[tuple[int, int]]] = {}
        for tbl, first, stop in rows:
            _append(done.setdefault(plan.tables[tbl].table, []), first, stop)
        return done

    def pending_parts(self, run_id: str) -> dict[tuple[str, int], PendingPart]:
        plan = self._plan(run_id)
        rows = self._all(
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
            key = running_key(cursor, self._schema, run_id)
            cursor.execute(
                self._sql(
                    "INSERT INTO {}.parts VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
                    "ON CONFLICT DO NOTHING"
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
                self._sql("SELECT upload_id FROM {}.parts WHERE (run, tbl, part) = (%s, %s, %s)"),
                (key, tbl, part.number),
            ).fetchone()
            return row == (part.upload_id,)

        return self._session.transaction(record)

    def replace_part(self, run_id: str, part: PendingPart) -> None:
        self._do(
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

    def forget_work(self, run_id: str) -> None:
        keys = self._sql("SELECT key FROM {}.runs WHERE id = %s")
        self._session.transaction(lambda cursor: self._delete_work(cursor, keys, run_id))

    def pool(self, digest: str) -> bytes | None:
        row = self._one("SELECT content FROM {}.pools WHERE digest = %s", (digest,))
        return None if row is None else bytes(row[0])

    def store_pool(self, digest: str, content: bytes) -> None:
        self._do("INSERT INTO {}.pools VALUES (%s, %s) ON CONFLICT DO NOTHING", (digest, content))

    def collapse(self, run_id: str) -> None:
        plan = self._plan(run_id)

        def fold(cursor: Cursor) -> None:
            row = cursor.execute(
                self._sql("SELECT key FROM {}.runs WHERE id = %s FOR UPDATE"), (run_id,)
            ).fetchone()
            key = None if row is None else row[0]
            sizes = [table.part_batches for table in plan.tables]
            cursor.execute(
                self._sql(
                    "INSERT INTO {0}.lineage SELECT run, tbl, part, min(batch), max(batch) + 1 "
                    "FROM (SELECT run, tbl, batch, batch / (%(sizes)s::int[])[tbl + 1] AS part, "
                    " batch - row_number() OVER (PARTITION BY tbl ORDER BY batch) AS grp "
                    " FROM {0}.batches WHERE run = %(key)s) AS islands "
                    "GROUP BY run, tbl, part, grp ON CONFLICT DO NOTHING"
                ),
                {"sizes": sizes, "key": key},
            )
            cursor.execute(self._sql("DELETE FROM {}.batches WHERE run = %s"), (key,))

        self._session.transaction(fold)

    def forget_experiment(self, owner: str) -> None:
        def forget(cursor: Cursor) -> None:
            keys = self._sql("SELECT key FROM {}.runs WHERE owner = %s")
            self._delete_work(cursor, keys, owner)
            for table in ("runs", "experiments"):
                cursor.execute(self._sql("DELETE FROM {}.{} WHERE owner = %s", table), (owner,))
            # Published tables go with their rows, before: one that is still there stays known.
            cursor.execute(
                self._sql("DELETE FROM {}.tables WHERE owner = %s AND table_oid IS NULL"), (owner,)
            )
            # Pools are shared by content: the last experiment takes them along.
            cursor.execute(
                self._sql("DELETE FROM {0}.pools WHERE NOT EXISTS (SELECT FROM {0}.experiments)"),
                (),
            )

        self._session.transaction(forget)

    def close(self) -> None:
        self._session.close()

    def _delete_work(self, cursor: Cursor, keys: sql.Composable, of: str) -> None:
        """Delete what accounts for the rows of the runs that `keys` selects, given `of`."""
        for table in ("batches", "parts", "lineage"):
            cursor.execute(self._sql("DELETE FROM {}.{} WHERE run IN ({})", table, keys), (of,))

    def _sql(self, text: str, *parts: str | sql.Composable) -> sql.Composed:
        """A statement with parameters; the first name is the ledger's schema, then `parts`."""
        composed = [quoted(part) if isinstance(part, str) else part for part in parts]
        return sql.SQL(text).format(quoted(self._schema), *composed)

    def _all(
        self, text: str, parameters: Sequence[Any] | dict[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        statement = self._sql(text)
        return self._session.transaction(
            lambda cursor: cursor.execute(statement, parameters).fetchall()
        )

    def _one(self, text: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
        return next(iter(self._all(text, parameters)), None)

    def _do(self, text: str, parameters: Sequence[Any]) -> None:
        statement = self._sql(text)
        self._session.transaction(lambda cursor: cursor.execute(statement, parameters))

    def _plan(self, run_id: str) -> Plan:
        run = self.run(run_id)
        if run is None:
            raise Fenced(f"the ledger knows no run {run_id}: its experiment was deleted")
        return run.plan


def _lock_prepare(session: PostgresSession, owner: str) -> None:
    seconds = {"idle_in_transaction_session_timeout": f"{_PREPARE_SECONDS}s"}
    connection = session.connection()
    try:
        version = connection.info.server_version
        connection.execute(begin_statement(version, _PREPARE_SECONDS, seconds))
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("prepare", owner),))
    except psycopg.Error:
        session.close()
        raise


def _run(row: tuple[Any, ...]) -> Run:
    run_id, owner, uid, number, state, plan, started_at, finished_at, message, summary = row
    return Run(
        id=run_id,
        owner=owner,
        uid=uid,
        number=number,
        state=RunState(state),
        plan=Plan.from_json(plan),
        started_at=started_at,
        finished_at=finished_at,
        message=message,
        summary=summary,
    )


def _place(plan: Plan, table: str) -> int:
    return next(n for n, layout in enumerate(plan.tables) if layout.table == table)


def _append(intervals: list[tuple[int, int]], first: int, stop: int) -> None:
    """Add a half-open interval that starts no earlier than the last one, joined to it if it can."""
    if intervals and intervals[-1][1] >= first:
        first, stop = intervals[-1][0], max(stop, intervals[-1][1])
        intervals.pop()
    intervals.append((first, stop))
