"""The locks of a Postgres ledger: who runs an experiment, who prepares it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import (
    is_locked,
    lock_key,
    seconds_to_return,
)
from rowmill.destinations.postgres.ledger.experiment_hold import Hold, hold_experiment
from rowmill.destinations.postgres.ledger.statements import LedgerStatements
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.session_settings import begin_statement
from rowmill.plan.runs import UNFINISHED

# Prepare may make pools for minutes under its lock; a frozen one must not hold it for good.
_PREPARE_SECONDS = 1800


class PostgresLocks:
    """The `Locks` of a ledger in Postgres; what holds one has a connection of its own."""

    def __init__(self, ledger: LedgerStatements) -> None:
        self._ledger = ledger

    def hold_experiment(self, owner: str) -> AbstractContextManager[Hold]:
        address = self._ledger.session.address
        if seconds := self._ledger.session.glance(
            lambda cursor: self._left_to_former(cursor, owner)
        ):
            address.patience.sleep(seconds)
        return hold_experiment(address, owner)

    def is_held(self, owner: str) -> bool:
        return self._ledger.session.transaction(
            lambda cursor: is_locked(cursor, "experiment", owner) or seconds_to_return(cursor) > 0
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

    def _left_to_former(self, cursor: Cursor, owner: str) -> float:
        """The seconds for which a live run of the owner, if there is one, is to have its lock back.

        Else whoever resumes it just after a restart of the server would end it.
        """
        seconds = seconds_to_return(cursor)
        if seconds == 0:
            return 0.0
        unfinished = self._ledger.sql(
            "SELECT EXISTS (SELECT FROM {}.runs WHERE owner = %s AND state = ANY(%s))"
        )
        states = [state.value for state in UNFINISHED]
        found = cursor.execute(unfinished, (owner, states)).fetchone()
        return seconds if found == (True,) else 0.0


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
