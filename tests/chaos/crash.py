"""Crash Postgres so that it loses what it committed and had not on disk, and count that."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import psutil
import psycopg

# By run that is loading: table and number of each committed batch.
Batches = Mapping[str, frozenset[tuple[int, int]]]


def crash(connection: psycopg.Connection) -> None:
    """Kill the server and all its processes at one stroke: nothing more is written.

    Without its postmaster alone, the others would still write out what they hold in memory.
    """
    postmaster = _postmaster(connection)
    killed = [postmaster, *postmaster.children()]
    for process in killed:
        # Without its postmaster a child ends by itself.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(killed, timeout=30)


def stop_writing_behind(connection: psycopg.Connection) -> None:
    """Halt, until its end, what writes out the log for which no session waits."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE backend_type IN "
        "('walwriter', 'checkpointer', 'background writer', 'autovacuum launcher')"
    )
    for (pid,) in connection.execute(query).fetchall():
        psutil.Process(pid).suspend()


def committed(connection: psycopg.Connection) -> Batches:
    """What every session sees as committed, of runs that load."""
    found: dict[str, set[tuple[int, int]]] = {}
    query = (
        "SELECT id, tbl, batch FROM rowmill.runs LEFT JOIN rowmill.batches ON run = key "
        "WHERE state = 'RUNNING'"
    )
    try:
        rows = connection.execute(query).fetchall()
    except psycopg.errors.UndefinedTable:
        # The first run has not made the ledger yet.
        rows = []
    for run, table, batch in rows:
        found.setdefault(run, set())
        if batch is not None:
            found[run].add((table, batch))
    return {run: frozenset(batches) for run, batches in found.items()}


def lost(before: Batches, after: Batches) -> int:
    """How many batches a crash took, or more: some may have been made again meanwhile."""
    return sum(len(before[run] - after[run]) for run in before.keys() & after.keys())


def _postmaster(connection: psycopg.Connection) -> psutil.Process:
    parent = psutil.Process(connection.info.backend_pid).parent()
    if parent is None:
        raise AssertionError("a server's process has no postmaster")
    return parent
