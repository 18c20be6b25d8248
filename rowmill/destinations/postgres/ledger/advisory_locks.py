"""Advisory locks: their keys, the fence around a run, holders that froze."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TypeVar

from psycopg import errors

from rowmill.destinations.postgres.connection import Cursor, PostgresAddress
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.retries import always

T = TypeVar("T")

# A batch's transaction is opened with its bytes in hand, so one that waits this long for its
# client has a frozen one.
FROZEN_SECONDS = 60
# A server that is started again knows of no session lock. Whoever had one and lives looks every
# second, and has it back by then.
RETURN_SECONDS = 5.0


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
    wanted: Callable[[], bool] = always,
) -> T:
    """A transaction that holds the run's lock alone; writers that froze are cut off.

    A worker that stopped amid its COPY keeps its lock: no time-out of the server reaches a session
    that waits for COPY data, only its end does. Once it is not `wanted`, it is not tried again.
    """

    def fenced(cursor: Cursor) -> T:
        try:
            fence(cursor, run_id)
        except errors.LockNotAvailable:
            end_frozen_writers(session.address, run_id, frozen_seconds)
            raise
        return work(cursor)

    return session.transaction(fenced, lock_seconds=frozen_seconds, wanted=wanted)


def end_frozen_writers(address: PostgresAddress, run_id: str, frozen_seconds: float) -> int:
    """Cut the sessions that hold the run's lock and wait for their client; returns how many."""
    with PostgresSession(address) as observer:
        cut = observer.transaction(
            lambda cursor: cursor.execute(
                "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) "
                "FROM pg_locks JOIN pg_stat_activity USING (pid) "
                f"WHERE {THIS_LOCK} AND granted AND pid <> pg_backend_pid() "
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
THIS_LOCK = f"{_OF_THIS_DATABASE} AND {_LOCK_KEY} = %(key)s::bigint"


def is_locked(cursor: Cursor, kind: str, name: str) -> bool:
    """Whether a session of this database holds that lock now; takes nothing."""
    held = f"SELECT EXISTS (SELECT FROM pg_locks WHERE {THIS_LOCK} AND granted)"
    return cursor.execute(held, {"key": lock_key(kind, name)}).fetchone() == (True,)


def seconds_to_return(cursor: Cursor) -> float:
    """How long the holders of locks may still need to take them back after the server's start.

    Where one process of the server crashed, all sessions end and the postmaster lives on; but it
    counts anew.
    """
    age = cursor.execute(
        "SELECT extract(epoch FROM clock_timestamp() - greatest(pg_postmaster_start_time(), "
        "(SELECT stats_reset FROM pg_stat_bgwriter)))::double precision"
    ).fetchone()
    # Below 0 where the clock was set back since, which is no reason to wait.
    return RETURN_SECONDS - age[0] if age is not None and 0 <= age[0] < RETURN_SECONDS else 0.0


def preparing_owners(cursor: Cursor, owners: Iterable[str]) -> frozenset[str]:
    """Those among `owners` of whom a prepare is at work on this database now."""
    by_key = {lock_key("prepare", owner): owner for owner in owners}
    rows = cursor.execute(
        f"SELECT {_LOCK_KEY} FROM pg_locks WHERE {_OF_THIS_DATABASE} AND granted "
        f"AND {_LOCK_KEY} = ANY(%s::bigint[])",
        (list(by_key),),
    ).fetchall()
    return frozenset(by_key[row[0]] for row in rows)
