"""The locks of a Postgres ledger: who runs an experiment, who prepares it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from rowmill.destinations.postgres.ledger.advisory_locks import is_locked, lock_key
from rowmill.destinations.postgres.ledger.experiment_hold import Hold, hold_experiment
from rowmill.destinations.postgres.ledger.statements import LedgerStatements
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.session_settings import begin_statement

# Prepare may make pools for minutes under its lock; a frozen one must not hold it for good.
_PREPARE_SECONDS = 1800


class PostgresLocks:
    """The `Locks` of a ledger in Postgres; what holds one has a connection of its own."""

    def __init__(self, ledger: LedgerStatements) -> None:
        self._ledger = ledger

    def hold_experiment(self, owner: str) -> AbstractContextManager[Hold]:
        return hold_experiment(self._ledger.session.address, owner)

    def is_held(self, owner: str) -> bool:
        return self._ledger.session.transaction(
            lambda cursor: is_locked(cursor, "experiment", owner)
        )

    @contextmanager
    def preparing(self, owner: str) -> Iterator[None]:
        session = PostgresSession(self._ledger.session.address)
        try:
            session.persist(lambda: _lock_prepare(session, owner))
            yield
        finally:
            # Ends the transaction; if the lock was lost before, another prepare did the same
            # steps, each of which bears that.
            session.close()


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
