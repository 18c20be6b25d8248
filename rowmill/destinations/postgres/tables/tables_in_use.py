"""A transaction that takes tables away from their readers, and names those that it waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from psycopg import errors

from rowmill.destinations.errors import DestinationUnavailable
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.reading_names import reading_of
from rowmill.destinations.postgres.session import PostgresSession

T = TypeVar("T")

# Readers that come while it waits for earlier ones wait behind it, so it waits briefly, and again
# later.
_LOCK_SECONDS = 3.0


def take_from_readers(
    session: PostgresSession,
    work: Callable[[Cursor], T],
    tables: Callable[[Cursor], Sequence[int]],
    again: str,
) -> T:
    """Run `work` in a transaction of its own, as `PostgresSession.transaction` does.

    Args:
        work: locks tables that others may be reading.
        tables: the OIDs of these tables.
        again: what to do once the readers are gone, as in "run again".

    Raises:
        DestinationUnavailable: readers held the tables for as long as the patience lasts.
    """

    def explain(error: BaseException) -> str | None:
        if not isinstance(error, errors.LockNotAvailable):
            return None
        readers = session.glance(lambda cursor: _readers(cursor, tables(cursor)))
        return f"the tables are in use by {readers}" if readers else None

    try:
        return session.transaction(work, lock_seconds=_LOCK_SECONDS, explain=explain)
    except DestinationUnavailable as error:
        if not isinstance(error.__cause__, errors.LockNotAvailable):
            raise
        readers = session.transaction(lambda cursor: _readers(cursor, tables(cursor)))
        raise DestinationUnavailable(
            "the tables of the last run were in use all the time, by "
            f"{readers or 'sessions that are gone by now'}: end that, then {again}"
        ) from error


def _readers(cursor: Cursor, oids: Sequence[int]) -> str:
    """The sessions that hold a lock on the tables, as far as the role may see them; "" if none do.

    Tables to which these refer are locked too, to take the references off them.
    """
    refer = "SELECT confrelid FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(%s)"
    referred = [oid for (oid,) in cursor.execute(refer, (list(oids),)).fetchall()]
    rows = cursor.execute(
        "SELECT DISTINCT pid, coalesce(usename, '?'), coalesce(application_name, ''), "
        "to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') "
        "FROM pg_locks LEFT JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'relation' AND granted AND relation = ANY(%s) AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND pid <> pg_backend_pid() ORDER BY 1",
        ([*oids, *referred],),
    ).fetchall()
    return ", ".join(dict.fromkeys(_session(*row) for row in rows))


def _session(pid: int, user: str, application: str, since: str | None) -> str:
    if reading := reading_of(application):
        # It has a session a thread, and all of them are one.
        return f"{reading} (as {user})"
    known = ", ".join(filter(None, (application, f"since {since} UTC" if since else "")))
    return f"session {pid} of {user}" + (f" ({known})" if known else "")
