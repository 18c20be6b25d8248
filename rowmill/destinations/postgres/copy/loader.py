"""Batches into Postgres: rows and ledger row in one transaction, behind the run's fence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import errors, sql

from rowmill.counting import counted
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import end_frozen_writers, lock_key
from rowmill.destinations.postgres.ledger.run_rows import fenced
from rowmill.destinations.postgres.session import DEFAULT_LOCK_SECONDS, PostgresSession
from rowmill.destinations.postgres.session_settings import DURABLE
from rowmill.destinations.postgres.tables.staging import staging_schema
from rowmill.plan.layout import Batch
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Table

# A batch's COMMIT does not wait for the server's disk. A crash of the server may take the last of
# them, each whole, rows and ledger row, since both are of one transaction: it is made again as if
# it had never been. So nothing that stays may rest on a batch that a crash can still take:
# - A worker, a shard or a progress that counts one counts on nothing: finalize compares anew.
# - Finalize goes by `settled_batches`, a reading whose own COMMIT waited for the disk. The log is
#   written in order, so each batch that it saw is there too; only then the run turns FINALIZING.
# - A recorded part says nothing of batches: each destination has its own account.
_COMMIT = {DURABLE: "off"}


class _AlreadyThere(Exception):
    """The batch has its ledger row: the transaction has nothing to do."""


class PostgresLoader:
    """Loads the batches of one run over a connection that others may share; for one thread.

    `retries` counts the transactions that failed and were made again. Works behind a transaction
    pooler: all it sets and locks ends with the transaction.
    """

    def __init__(
        self,
        session: PostgresSession,
        run: Run,
        ledger_schema: str,
        tables: Iterable[Table],
        *,
        lock_seconds: float = DEFAULT_LOCK_SECONDS,
    ) -> None:
        self._session = session
        self._run = run
        self._ledger = ledger_schema
        self._lock_seconds = lock_seconds
        self._places = {layout.table: n for n, layout in enumerate(run.plan.tables)}
        schema = staging_schema(run.id)
        self._copies = {table.name: _copy_statement(schema, table) for table in tables}

    @property
    def retries(self) -> int:
        return self._session.retries

    def load(self, batch: Batch, encoded: Sequence[bytes]) -> bool:
        """Commit a batch, exactly once whatever happens; a crash of the server may still take it.

        Args:
            batch: which rows.
            encoded: the whole binary COPY stream of these rows, in pieces.

        Returns:
            False if the batch was there already, also by an own COMMIT whose answer was lost.

        Raises:
            Fenced: the run is not RUNNING any more; nothing was written.
            DestinationRefused: the failure does not pass; RowTooLarge, a row fits no page.
            DestinationUnavailable: it did not pass within the patience of the address.
        """
        claim = self._claim(batch)
        copy_statement = self._copies[batch.table]

        def commit(cursor: Cursor) -> None:
            self._execute_claim(cursor, claim)
            try:
                with cursor.copy(copy_statement) as copy:
                    for piece in encoded:
                        copy.write(piece)
            except errors.ProgramLimitExceeded as error:
                raise _row_too_large(batch, error) from error
            if cursor.rowcount != batch.rows:
                raise DestinationRefused(
                    "BatchIncomplete",
                    f"batch {batch.number} of {batch.table!r} holds "
                    f"{counted(cursor.rowcount, 'row')}, the plan says "
                    f"{batch.rows}: nothing of it was written",
                )

        try:
            self._session.transaction(commit, lock_seconds=self._lock_seconds, settings=_COMMIT)
        except _AlreadyThere:
            return False
        return True

    def _claim(self, batch: Batch) -> bytes:
        """One round trip: the lock, then in new statements the state and the ledger row.

        Statements of one simple query have snapshots of their own, so the state is read as it is
        once the lock is held.
        """
        statement = sql.SQL(
            "SELECT pg_advisory_xact_lock_shared({key}); "
            "SELECT state FROM {ledger}.runs WHERE id = {run}; "
            "INSERT INTO {ledger}.batches SELECT key, {tbl}, {batch} FROM {ledger}.runs "
            "WHERE id = {run} AND state = {running} ON CONFLICT DO NOTHING"
        )
        return statement.format(
            key=sql.Literal(lock_key("run", self._run.id)),
            ledger=sql.Identifier(self._ledger),
            run=sql.Literal(self._run.id),
            tbl=sql.Literal(self._places[batch.table]),
            batch=sql.Literal(batch.number),
            running=sql.Literal(RunState.RUNNING.value),
        ).as_bytes()

    def _execute_claim(self, cursor: Cursor, claim: bytes) -> None:
        try:
            cursor.execute(claim)
        except errors.LockNotAvailable:
            # The twin that holds this batch may be frozen: then only its end frees the batch.
            end_frozen_writers(self._session.address, self._run.id, self._lock_seconds)
            raise
        cursor.nextset()
        row = cursor.fetchone()
        state = None if row is None else str(row[0])
        if state != RunState.RUNNING.value:
            raise fenced(self._run.id, state)
        cursor.nextset()
        if cursor.rowcount == 0:
            raise _AlreadyThere


def _row_too_large(batch: Batch, error: psycopg.Error) -> DestinationRefused:
    return DestinationRefused(
        "RowTooLarge",
        f"a row of {batch.table!r} in batch {batch.number} does not fit a page of Postgres: "
        f"{error.diag.message_primary}. It would not at the next try either: give the table fewer "
        "or shorter columns in the manifest, or make it several tables, then run with --restart",
    )


def _copy_statement(schema: str, table: Table) -> bytes:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    target = sql.Identifier(schema, table.name)
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(target, columns).as_bytes()
