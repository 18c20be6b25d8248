"""The claim of one supervisor on an experiment: a session lock, taken again when it is lost."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

import psycopg
from psycopg import sql

from rowmill.destinations.errors import DestinationRefused, LiveRun, process_here
from rowmill.destinations.postgres.connection import Connection, PostgresAddress
from rowmill.destinations.postgres.ledger.advisory_locks import THIS_LOCK, lock_key
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.retries import persist

# How long our own former session may take to end once it is told to.
_END_SECONDS = 10.0
# Of an application name's 63 bytes the words before take 19, a process id 8 with its colon.
_HOST_CHARACTERS = 36


class Hold:
    """The claim of one supervisor on an experiment: a session lock on a connection of its own."""

    def __init__(self, address: PostgresAddress, owner: str) -> None:
        self._address = address
        self._owner = owner
        self._lost = False
        self._released = False
        self._releasing = Lock()
        # Two that take it again at once would each take the other for another supervisor.
        self._asking = Lock()
        self._connection = _connect(address)
        try:
            _refuse_pooler(self._connection, address)
            self._session = _session_of(self._connection)
            _claim(self._connection, address, owner)
        except BaseException:
            self._connection.close()
            raise

    def lost(self) -> bool:
        """Ask the server; true for good once another supervisor has the lock.

        A lock that went with its session is taken again. What was written meanwhile does no harm:
        whoever writes is fenced by the run's state.

        Raises:
            DestinationUnavailable: the server is away. It is not waited for: whoever asks comes
                again soon, and no wait between two tries lets others believe that nobody lives.
            DestinationRefused: the server would not, as when it is out of lock memory: nobody
                else need have it.
        """
        with self._asking:
            if not self._lost:
                try:
                    self._connection.execute("SELECT 1")
                except psycopg.Error:
                    self._lost = not self._taken_again()
            return self._lost

    def release(self) -> None:
        with self._releasing, suppress(psycopg.Error):
            self._released = True
            self._connection.close()

    def _taken_again(self) -> bool:
        opened = PostgresSession(self._address)
        try:
            connection = _prepared(opened)
            session = _session_of(connection)
            _take_back(connection, self._address, self._owner, self._session)
        except LiveRun:
            opened.close()
            return False
        except psycopg.Error as error:
            opened.close()
            raise self._address.error(error) from error
        except BaseException:
            opened.close()
            raise
        with self._releasing:
            if self._released:
                connection.close()
            self._connection, self._session = connection, session
        return True


@contextmanager
def hold_experiment(address: PostgresAddress, owner: str) -> Iterator[Hold]:
    """Claim the experiment for this process, or refuse at once.

    Raises:
        LiveRun: naming the holder.
        DestinationRefused: PoolerInTheWay.
    """
    hold = Hold(address, owner)
    try:
        yield hold
    finally:
        hold.release()


def _connect(address: PostgresAddress) -> Connection:
    session = PostgresSession(address)
    return session.persist(lambda: _prepared(session))


# A backend's process id and start, by which no other one is taken for it.
_Session = tuple[object, ...]


def _session_of(connection: Connection) -> _Session:
    found = connection.execute(
        "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    ).fetchone()
    return found or (0, None)


def _take_back(
    connection: Connection, address: PostgresAddress, owner: str, former: _Session
) -> None:
    """Claim again; our own former session, which the server may not yet miss, is ended first."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    ended = connection.execute(f"{end} WHERE pid = %s AND backend_start = %s", former)
    seconds = _END_SECONDS if ended.fetchone() is not None else 0.0
    persist(
        lambda: _claim(connection, address, owner),
        lambda error: seconds if isinstance(error, LiveRun) else 0.0,
        sleep=address.patience.sleep,
    )


def _application(pid: str) -> str:
    """The application name of a supervisor on this machine; the server cuts it at 63 bytes."""
    return f"rowmill supervisor {socket.gethostname()[:_HOST_CHARACTERS]}:{pid}"


def _prepared(session: PostgresSession) -> Connection:
    """A connection whose server side finds out within about a minute that this machine is gone.

    While an answer is on its way, as when the machine dies it may be, no keep-alive is sent; but
    for the timeout the server would try for a quarter of an hour to bring it.
    """
    connection = session.connection()
    name = _application(str(os.getpid()))
    connection.execute(
        sql.SQL(
            "SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES "
            "('application_name', {}), ('statement_timeout', '0'), ('transaction_timeout', '0'), "
            "('tcp_keepalives_idle', '20'), ('tcp_keepalives_interval', '10'), "
            "('tcp_keepalives_count', '3'), ('tcp_user_timeout', '60000'), "
            "('search_path', 'pg_catalog'), "
            # As the driver reads times.
            "('DateStyle', 'ISO'), ('TimeZone', 'UTC')"
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
            f"WHERE {THIS_LOCK} AND granted LIMIT 1",
            {"key": key},
        ).fetchone()
    except psycopg.Error as error:
        raise address.error(error) from error
    raise _live_elsewhere(owner, holder)


def _live_elsewhere(owner: str, holder: tuple[object, ...] | None) -> LiveRun:
    """What a second supervisor is told.

    Args:
        holder: process id, application name, address and start of the session with the lock, of
            which another role sees the first alone.
    """
    if holder is None:
        return LiveRun(owner, "another process", here=False)
    session, application, client, since = holder
    at = f", since {since}" if since else ""
    ours = str(application or "").removeprefix(_application(""))
    if application and ours != application:
        return LiveRun(owner, process_here(ours, at), here=True)
    origin = f" from {client}" if client else ""
    who = f"{application or 'another process'} (Postgres session {session}{origin}{at})"
    return LiveRun(owner, who, here=False)
