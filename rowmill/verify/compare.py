"""Verify one published run: make every row again and compare each destination with them.

Two passes. The first sums row hashes by bucket, of the rows made again and of what each destination
holds, in any order and in parallel. Where they agree, and that is the rule, it is all; else the
second (examine.py) looks for the rows that differ.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import chain, zip_longest

from rowmill.destinations.stored_rows import StoredTables, Unreadable
from rowmill.engine.verification import (
    Comparison,
    OnProgress,
    Problem,
    TableReport,
    Verification,
    compared,
    ignored,
)
from rowmill.generate.rows import Generator
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Dataset, Table
from rowmill.task_pool import TaskPool
from rowmill.verify.buckets import Buckets
from rowmill.verify.examine import Examination
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.row_hasher import RowHasher, hash_stored
from rowmill.verify.tally import ProgressCount, Tally


def verify(
    run: Run,
    dataset: Dataset,
    make_generator: Callable[[], Generator],
    stores: Sequence[StoredTables],
    *,
    problems: Sequence[Problem] = (),
    workers: int = 1,
    on_progress: OnProgress = ignored,
) -> Verification:
    """Compare what `stores` hold with the rows of `run` made again.

    Args:
        run: the published run.
        dataset: its tables, of the data version that its plan froze.
        make_generator: called once a thread.
        stores: its destinations, opened.
        problems: what was found wrong before, with no single table.
        workers: threads.
        on_progress: told how far it is; called by any of the threads, one at a time.

    Raises:
        DestinationRefused, DestinationUnavailable: a destination cannot be read.
    """
    started = time.monotonic()
    count = ProgressCount(dataset.tables, len(stores), on_progress)
    with TaskPool(workers, "verify") as pool:
        verification = _Verification(run, Recomputed(make_generator), stores, pool, count)
        tables = tuple(verification.table(table) for table in dataset.tables)
    return compared(
        tables,
        tuple(problems),
        owner=run.owner,
        run=run.number,
        run_id=run.id,
        digest=run.plan.digest,
        data_version=run.plan.data_version,
        seed=dataset.seed,
        finished_at=datetime.now(UTC),
        seconds=time.monotonic() - started,
    )


class _Verification:
    def __init__(
        self,
        run: Run,
        recomputed: Recomputed,
        stores: Sequence[StoredTables],
        pool: TaskPool,
        count: ProgressCount,
    ) -> None:
        self._run = run
        self._recomputed = recomputed
        self._stores = stores
        self._pool = pool
        self._count = count
        self._lock = threading.Lock()

    def table(self, table: Table) -> TableReport:
        tallies = [_inspected(store, table) for store in self._stores]
        expected = Buckets()
        readable = [tally for tally in tallies if tally.readable]
        by_part = [tally for tally in readable if tally.store.by_part]
        parts = [
            lambda n=n: self._part(table, n, expected, by_part)
            for n in range(self._run.plan.by_name[table.name].parts)
        ]
        pieces = [
            lambda n=n, tally=tally: self._piece(table, n, tally)
            for tally in readable
            if not tally.store.by_part
            for n in range(tally.store.pieces(table))
        ]
        # In turn, so that one thread waits for a server while another computes.
        turns = chain.from_iterable(zip_longest(parts, pieces))
        self._pool.do([task for task in turns if task is not None])
        comparisons = tuple(self._compared(table, expected, tally) for tally in tallies)
        return TableReport(table.name, expected.rows, expected.checksum, comparisons)

    def _part(self, table: Table, number: int, expected: Buckets, tallies: list[Tally]) -> None:
        layout = self._run.plan.by_name[table.name]
        part = layout.part(number)
        hasher, made = _hasher(table), Buckets()
        for piece in self._recomputed.slices(table, part.start, part.stop, layout.row_bytes):
            self._pool.check()
            made.add(hasher.rows(piece.columns, piece.count))
            self._count.add(table, piece.count)
        with self._lock:
            expected.merge(made)
        for tally in tallies:
            stored = self._stored(table, number, tally)
            with self._lock:
                if stored is None:
                    tally.absent.merge(made)
                elif not stored.same(made):
                    tally.differing.append(number)

    def _piece(self, table: Table, number: int, tally: Tally) -> None:
        self._stored(table, number, tally)
        with self._lock:
            tally.differing.append(number)

    def _stored(self, table: Table, number: int, tally: Tally) -> Buckets | None:
        """Read a piece and count it; None, and a problem, if it cannot be read."""
        hasher, stored = _hasher(table), Buckets()
        try:
            for rows in tally.store.rows(table, number):
                self._pool.check()
                stored.add(hash_stored(hasher, rows, tally.store, table))
                self._count.add(table, rows.count)
        except Unreadable as error:
            with self._lock:
                tally.problems.append(error.problem)
            return None
        with self._lock:
            tally.stored.merge(stored)
            tally.problems.extend(tally.store.piece_problems(table, number))
        return stored

    def _compared(self, table: Table, expected: Buckets, tally: Tally) -> Comparison:
        """The comparison of one destination, with the rows that differ if any do."""
        found = None
        wanted = expected.without(tally.absent)
        if tally.readable and not wanted.same(tally.stored):
            self._count.turn("examining", table)
            examination = Examination(self._run, table, self._recomputed, tally, self._pool)
            found = examination.differences(wanted)
        problems = tuple(sorted(tally.problems, key=lambda problem: problem.place))
        return Comparison(
            destination=tally.store.name,
            rows=tally.stored.rows,
            checksum=tally.stored.checksum,
            identical=found is None and not problems,
            problems=problems,
            counts=found.counts if found else {},
            differences=found.differences if found else (),
            sampled=found.sampled if found else False,
        )


def _hasher(table: Table) -> RowHasher:
    return RowHasher([column.type for column in table.columns])


def _inspected(store: StoredTables, table: Table) -> Tally:
    try:
        return Tally(store, problems=store.inspect(table))
    except Unreadable as error:
        return Tally(store, problems=[error.problem], readable=False)
