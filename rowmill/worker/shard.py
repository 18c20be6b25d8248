"""Run parts of a plan: generate each batch once, copy and upload it side by side.

Three threads share the work: this one generates batches and encodes them, the upload lane writes
Parquet and sends it, the commit lane does nothing but copy, since Postgres must never wait for the
next bytes. The commit lane also records finished parts, so it alone uses the connection to the
ledger. The queues between them are one batch deep: a worker's memory is a few batches, whatever the
table's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from threading import Event
from typing import Protocol, Self

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.lake.parquet_part import PartLost
from rowmill.destinations.ledger import PendingPart
from rowmill.plan.layout import Batch, Part
from rowmill.worker.lane import Lane
from rowmill.worker.remaining import PartWork, remaining
from rowmill.worker.shard_context import Copier, ShardContext, Slices, Source, Upload, Uploader

# Rows generated at a time: a slice's columns stay in the processor's cache.
SLICE_ROWS = 32_768
LANE_DEPTH = 1
# How often parts whose upload was lost are made again before the shard gives up.
ROUNDS = 5


class Stopped(Exception):
    """The worker was asked to stop; what is durable stays, the rest is for a resume."""


class Report(Protocol):
    """Told what became durable or was sent; called from the lanes' threads."""

    def generated(self, table: str, rows: int) -> None: ...

    def copied(self, batch: Batch, size: int) -> None: ...

    def uploaded(self, table: str, rows: int) -> None: ...

    def recorded(self, part: PendingPart) -> None: ...


def run_parts(context: ShardContext, parts: Iterable[Part], stop: Event, report: Report) -> None:
    """Make all that the ledger lacks of `parts`; returns only when it lacks nothing.

    Args:
        parts: each is taken when all batches before it are made, while the last of them are still
            copied. So who takes longer to tell the next one holds nobody up.

    What is durable is read at first and when all parts were made, not in between: nothing hangs on
    a reading that became old. What another made since is made again in vain, for its batch has its
    ledger row and its part its record; what was lost since is missing at the end.

    Raises:
        Stopped: `stop` was set.
        DestinationRefused, DestinationUnavailable, Fenced: from the destinations.
    """
    taken: list[Part] = []
    wanted: Iterable[Part] = _noted(parts, taken)
    for _ in range(ROUNDS):
        left = remaining(context.plan, wanted, context.durable())
        if not _run_round(context, left, stop, report):
            return
        wanted = taken
    if lost := next(remaining(context.plan, taken, context.durable()), None):
        raise DestinationUnavailable(
            f"after {ROUNDS} rounds {lost.part.table} part {lost.part.number} is still not "
            "durable. The bucket drops uploads before they are complete: look for a lifecycle rule "
            "that aborts incomplete uploads"
        )


def _noted(parts: Iterable[Part], taken: list[Part]) -> Iterator[Part]:
    for part in parts:
        taken.append(part)
        yield part


def _run_round(
    context: ShardContext, left: Iterator[PartWork], stop: Event, report: Report
) -> bool:
    """Make what is left, and say whether there was anything; it is read as it is made."""
    first = next(left, None)
    if first is None:
        return False
    committing = _CommitLane(context.copier, context.uploader, report)
    # Left in reverse order: the upload lane hands its last part over before the commit lane ends.
    with Lane("commit", committing.handle, depth=LANE_DEPTH) as commits:
        uploading = _UploadLane(context.uploader, commits.put, report)
        with uploading, Lane("upload", uploading.handle, depth=LANE_DEPTH) as uploads:
            for work in chain((first,), left):
                _make_part(context, work, commits, uploads, stop, report)
    return True


def _make_part(
    context: ShardContext,
    work: PartWork,
    commits: Lane[_CommitItem],
    uploads: Lane[Part | Slices | EndOfPart],
    stop: Event,
    report: Report,
) -> None:
    if work.upload:
        uploads.put(work.part)
    for batch, copy in work.batches:
        if stop.is_set():
            raise Stopped
        slices = make(context.generator, batch)
        report.generated(batch.table, batch.rows)
        if work.upload:
            uploads.put(slices)
        encoded = _encode(context.copier, batch, slices) if copy else None
        # Not kept in memory while the lane has no room.
        del slices
        if encoded is not None:
            commits.put(encoded)
        del encoded
    if work.upload:
        uploads.put(END_OF_PART)


def make(generator: Source, batch: Batch) -> Slices:
    """The batch's rows in slices of at most SLICE_ROWS."""
    return [
        generator.batch(batch.table, start, min(start + SLICE_ROWS, batch.stop))
        for start in range(batch.start, batch.stop, SLICE_ROWS)
    ]


@dataclass(frozen=True)
class _Encoded:
    """A batch as the stream of its COPY."""

    batch: Batch
    stream: Sequence[bytes]


def _encode(copier: Copier | None, batch: Batch, slices: Slices) -> _Encoded:
    assert copier is not None, "batches are only copied where there is a Postgres"
    return _Encoded(batch, copier.encode(batch.table, slices))


@dataclass(frozen=True)
class _Finished:
    """A part whose pieces are all sent: to be recorded, or dropped if a twin recorded it first."""

    pending: PendingPart
    upload: Upload


_CommitItem = _Encoded | _Finished


@dataclass(frozen=True)
class _CommitLane:
    copier: Copier | None
    uploader: Uploader | None
    report: Report

    def handle(self, item: _CommitItem) -> None:
        if isinstance(item, _Finished):
            self._record(item)
        else:
            self._copy(item)

    def _copy(self, item: _Encoded) -> None:
        assert self.copier is not None, "batches are only copied where there is a Postgres"
        self.copier.load(item.batch, item.stream)
        self.report.copied(item.batch, sum(map(len, item.stream)))

    def _record(self, item: _Finished) -> None:
        assert self.uploader is not None, "parts are only finished where there is a bucket"
        if self.uploader.record(item.pending):
            self.report.recorded(item.pending)
        else:
            item.upload.abort()


class EndOfPart:
    """Marks the end of a part in the upload lane."""


END_OF_PART = EndOfPart()


@dataclass
class _UploadLane:
    """Writes one part after another; on leaving, one that was not finished is dropped."""

    uploader: Uploader | None
    commit: Callable[[_Finished], None]
    report: Report
    upload: Upload | None = None
    table: str = ""

    def handle(self, item: Part | Slices | EndOfPart) -> None:
        try:
            self._handle(item)
        except PartLost:
            # The store dropped the upload: the next round makes the part again.
            self.upload = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.upload is not None:
            # The error that ends the shard matters, not this one: whoever closes the run aborts
            # what is left of its uploads.
            with suppress(DestinationRefused, DestinationUnavailable):
                self.upload.abort()

    def _handle(self, item: Part | Slices | EndOfPart) -> None:
        if isinstance(item, Part):
            assert self.uploader is not None, "parts are only uploaded where there is a bucket"
            self.table = item.table
            self.upload = self.uploader.open(item)
        elif self.upload is None:
            return
        elif isinstance(item, EndOfPart):
            pending = self.upload.close()
            self.commit(_Finished(pending, self.upload))
            self.upload = None
        else:
            self.upload.write(item)
            self.report.uploaded(self.table, sum(s.num_rows for s in item))
