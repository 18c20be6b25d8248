"""A session that outlives cuts: its transactions are run again as wholes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import psycopg
from psycopg import errors, pq

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.patience import Waited
from rowmill.destinations.postgres.connection import Connection, Cursor, PostgresAddress
from rowmill.destinations.postgres.session_settings import begin_statement
from rowmill.destinations.retries import always, persist

T = TypeVar("T")

DEFAULT_LOCK_SECONDS = 60
_GLANCE_SECONDS = 1.0
# Below what a command that is stopped has until it is killed.
_CANCEL_SECONDS = 2.0

# What a failure comes from, in a few words; None if the error itself says it.
Explain = Callable[[BaseException], str | None]


def _unexplained(_error: BaseException) -> str | None:
    return None


class PostgresSession:
    """One connection, made when it is first needed and again when it is lost.

    `retries` counts the failures that were waited for. Not for use by two threads at once.
    """

    def __init__(self, address: PostgresAddress) -> None:
        self.address = address
        self.retries = 0
        self._connection: Connection | None = None

    def transaction(
        self,
        work: Callable[[Cursor], T],
        *,
        lock_seconds: float = DEFAULT_LOCK_SECONDS,
        settings: Mapping[str, str | int] | None = None,
        explain: Explain = _unexplained,
        doing: str = "",
        wanted: Callable[[], bool] = always,
    ) -> T:
        """Run `work` in a transaction of its own and commit; again as a whole when it fails.

        `work` must bear being called again after it committed, since the answer to a COMMIT can
        be lost. READ COMMITTED whatever the role's default: each statement sees what committed
        before it. `explain` may say what a failure that is waited for comes from, `doing` names
        the work in its error. Once it is not `wanted` any more, no failure is waited for.

        Raises:
            DestinationRefused: the failure does not pass.
            DestinationUnavailable: it did not pass within the patience of the address.
        """
        return self.persist(
            lambda: self._attempt(work, lock_seconds, settings or {}), explain, doing, wanted
        )

    def glance(
        self, work: Callable[[Cursor], T], settings: Mapping[str, str | int] | None = None
    ) -> T | None:
        """One try at a transaction, for what is good to know and no more; None if it fails."""
        with suppress(psycopg.Error, DestinationRefused):
            return self._attempt(work, _GLANCE_SECONDS, settings or {})
        return None

    def persist(
        self,
        attempt: Callable[[], T],
        explain: Explain = _unexplained,
        doing: str = "",
        wanted: Callable[[], bool] = always,
    ) -> T:
        """Call `attempt` with the patience of the address, and translate its last failure.

        The rest is as in `transaction`.
        """

        report, for_lock = self.address.waits.of_one(), False

        def report_wait(error: BaseException, left: float) -> None:
            nonlocal for_lock
            self.retries += 1
            for_lock = isinstance(error, errors.LockNotAvailable)
            if wait := self.address.waiting(error, left, explain(error)):
                report(wait)

        try:
            return persist(
                attempt,
                self.address.patience_for,
                on_retry=report_wait,
                on_end=lambda answered: report(Waited(self.address.place, answered, for_lock)),
                sleep=self.address.patience.sleep,
                wanted=wanted,
            )
        except psycopg.Error as error:
            raise self.address.error(error, doing) from error

    def connection(self) -> Connection:
        """The connection, made if there is none; a failure to connect is not retried here."""
        if self._connection is None or self._connection.closed:
            self._connection = self.address.connect()
        return self._connection

    def cancel(self) -> None:
        """Cut the statement short that another thread waits for, if there is one."""
        connection = self._connection
        if connection is not None and not connection.closed:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def __enter__(self) -> PostgresSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attempt(
        self,
        work: Callable[[Cursor], T],
        lock_seconds: float,
        settings: Mapping[str, str | int],
    ) -> T:
        connection = self.connection()
        begin = begin_statement(connection.info.server_version, lock_seconds, settings)
        try:
            with connection.cursor() as cursor:
                cursor.execute(begin)
                result = work(cursor)
                cursor.execute("COMMIT")
                return result
        except BaseException:
            self._roll_back(connection)
            raise

    def _roll_back(self, connection: Connection) -> None:
        state = connection.info.transaction_status
        if state is pq.TransactionStatus.IDLE:
            return
        if state in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR):
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
                return
        # Amid a statement, or cut: the server rolls back when the connection is gone.
        self.close()
