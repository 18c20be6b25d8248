"""Advisory locks: the fence around a run, the claim on an experiment, holders that froze."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import TypeVar

import psycopg
from psycopg import errors, sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres_connection import (
    Connection,
    Cursor,
    PostgresAddress,
    PostgresSession,
)

T = TypeVar("T")

# A batch's transaction is opened with its bytes in hand, so one that waits this long for its
# client has a frozen one.
FROZEN_SECONDS = 60


def lock_key(kind: str, name: str) -> int:
    """The 64-bit key of an advisory lock: of a `run`, an `experiment`, a `prepare`, a `ledger`."""
    digest = blake2b(f"rowmill {kind} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def fence(cursor: Cursor, run_id: str) -> None:
    """Wait for and take the run's lock alone, to the end of the transaction: before a new state."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("run", run_id),))


def fence_shared(cursor: Cursor, run_id: str) -> None:
    """Take the run's lock beside other writers: no new state until the transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (lock_key("run", run_id),))


def fenced_transaction(
    session: PostgresSession,
    run_id: str,
    work: Callable[[Cursor], T],
    *,
    frozen_seconds: float = FROZEN_SECONDS,
) -> T:
    """A transaction that holds the run's lock alone; writers that froze are cut off.

    A worker that stopped amid its COPY keeps its lock: no time-out of the server reaches a session
    that waits for COPY data, only its end does.
    """

    def fenced(cursor: Cursor) -> T:
        try:
            fence(cursor, run_id)
        except errors.LockNotAvailable:
            end_frozen_writers(session.address, run_id, frozen_seconds)
            raise
        return work(cursor)

    return session.transaction(fenced, lock_seconds=frozen_seconds)


def end_frozen_writers(address: PostgresAddress, run_id: str, frozen_seconds: float) -> int:
    """Cut the sessions that hold the run's lock and wait for their client; returns how many."""
    with PostgresSession(address) as observer:
        cut = observer.transaction(
            lambda cursor: cursor.execute(
                "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) "
                "FROM pg_locks JOIN pg_stat_activity USING (pid) "
                f"WHERE {_THIS_LOCK} AND granted AND pid <> pg_backend_pid() "
                "AND wait_event_type = 'Client' AND wait_event = 'ClientRead' "
                "AND greatest(xact_start, state_change) < clock_timestamp() - %(age)s * "
                "interval '1 second'",
                {"key": lock_key("run", run_id), "age": frozen_seconds},
            ).fetchone()
        )
    return 0 if cut is None else int(cut[0])


# pg_locks shows a 64-bit key as two halves, with objsubid 1.
_LOCK_KEY = "((classid::bigint << 32) | objid::bigint)"
_OF_THIS_DATABASE = (
    "locktype = 'advisory' AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_THIS_LOCK = f"{_OF_THIS_DATABASE} AND {_LOCK_KEY} = %(key)s::bigint"


def preparing_owners(cursor: Cursor, owners: Iterable[str]) -> frozenset[str]:
    """Those among `owners` of whom a prepare is at work on this database now."""
    by_key = {lock_key("prepare", owner): owner for owner in owners}
    rows = cursor.execute(
        f"SELECT {_LOCK_KEY} FROM pg_locks WHERE {_OF_THIS_DATABASE} AND granted "
        f"AND {_LOCK_KEY} = ANY(%s::bigint[])",
        (list(by_key),),
    ).fetchall()
    return frozenset(by_key[row[0]] for row in rows)


class Hold:
    """The claim of one supervisor on an experiment: a session lock on a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lost = False

    def lost(self) -> bool:
        """Ask the server; true for good once the session, and with it the lock, is gone."""
        if not self._lost:
            try:
                self._connection.execute("SELECT 1")
            except psycopg.Error:
                self._lost = True
        return self._lost

    def release(self) -> None:
        with suppress(psycopg.Error):
            self._connection.close()


@contextmanager
def hold_experiment(address: PostgresAddress, owner: str) -> Iterator[Hold]:
    """Claim the experiment for this process, or refuse at once.

    Raises:
        DestinationRefused: LiveRunElsewhere, naming the holder; PoolerInTheWay.
    """
    session = PostgresSession(address)
    connection = session.persist(lambda: _prepared(session))
    hold = Hold(connection)
    try:
        _refuse_pooler(connection, address)
        _claim(connection, address, owner)
        yield hold
    finally:
        hold.release()


def _prepared(session: PostgresSession) -> Connection:
    """A connection whose server side finds out within a minute that this machine is gone."""
    connection = session.connection()
    name = f"rowmill supervisor {socket.gethostname()[:40]}:{os.getpid()}"
    connection.execute(
        sql.SQL(
            "SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES "
            "('application_name', {}), ('statement_timeout', '0'), ('transaction_timeout', '0'), "
            "('tcp_keepalives_idle', '20'), ('tcp_keepalives_interval', '10'), "
            "('tcp_keepalives_count', '3'), ('search_path', 'pg_catalog')"
            ") AS wanted (name, value) USING (name)"
        ).format(sql.Literal(name))
    )
    return connection


def _refuse_pooler(connection: Connection, address: PostgresAddress) -> None:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    # A pooler answers the login itself, under a process id that is not the session's.
    if row is not None and row[0] != connection.info.backend_pid:
        raise DestinationRefused(
            "PoolerInTheWay",
            f"{address.describe()} is a connection pooler, behind which a lock is not held: give "
            "an address that leads straight to Postgres",
        )


def _claim(connection: Connection, address: PostgresAddress, owner: str) -> None:
    key = lock_key("experiment", owner)
    try:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        if row == (True,):
            return
        holder = connection.execute(
            "SELECT pid, application_name, client_addr::text, "
            "to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' "
            "FROM pg_locks LEFT JOIN pg_stat_activity USING (pid) "
            f"WHERE {_THIS_LOCK} AND granted LIMIT 1",
            {"key": key},
        ).fetchone()
    except psycopg.Error as error:
        raise address.error(error) from error
    raise DestinationRefused("LiveRunElsewhere", _live_elsewhere(owner, holder))


def _live_elsewhere(owner: str, holder: tuple[object, ...] | None) -> str:
    who = "another process"
    if holder is not None:
        pid, application, client, since = holder
        who = f"{application or 'another process'} (Postgres session {pid}"
        who += f" from {client}" if client else ""
        who += f", since {since})" if since else ")"
    return (
        f"a run of {owner} is live elsewhere, held by {who}: wait for it, or stop it there; "
        "`rowmill status` shows it"
    )
