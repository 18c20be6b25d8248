"""Run parts of a plan: generate each batch once, copy and upload it side by side.

Three lanes share the work, since all of it releases the interpreter's lock: this thread generates,
one lane encodes and copies, one writes Parquet and uploads. The queues between them are one batch
deep, so a worker's memory is a few batches whatever the table's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import pyarrow as pa

from rowmill.destinations.ledger import PendingPart
from rowmill.destinations.parquet_part import PartLost
from rowmill.generate.rows import Generator
from rowmill.plan.layout import Batch, Part, Plan
from rowmill.worker.lane import Lane
from rowmill.worker.remaining import Durable, PartWork, remaining

# Rows generated at a time: a slice's columns stay in the processor's cache.
SLICE_ROWS = 32_768
LANE_DEPTH = 1
# How often parts whose upload was lost are made again before the shard gives up.
ROUNDS = 5

Slices = list[pa.RecordBatch]


class Stopped(Exception):
    """The worker was asked to stop; what is durable stays, the rest is for a resume."""


class Upload(Protocol):
    """One part's upload, as destinations/parquet_part.py offers it."""

    def write(self, batches: Sequence[pa.RecordBatch]) -> None: ...

    def close(self) -> PendingPart: ...

    def abort(self) -> None: ...


class Report(Protocol):
    """Told what became durable or was sent; called from the lanes' threads."""

    def generated(self, table: str, rows: int) -> None: ...

    def copied(self, batch: Batch, size: int) -> None: ...

    def uploaded(self, table: str, rows: int) -> None: ...

    def recorded(self, part: PendingPart) -> None: ...


@dataclass(frozen=True)
class Copier:
    """How batches reach Postgres: `load` says whether it copied (False: it was there)."""

    encode: Callable[[str, Slices], Sequence[bytes]]
    load: Callable[[Batch, Sequence[bytes]], bool]


@dataclass(frozen=True)
class Uploader:
    """How parts reach the bucket: `record` makes a finished upload count."""

    open: Callable[[Part], Upload]
    record: Callable[[PendingPart], bool]


@dataclass(frozen=True)
class Kit:
    """What a worker needs to run shards of one run."""

    plan: Plan
    generator: Generator
    copier: Copier | None
    uploader: Uploader | None
    durable: Callable[[], Durable]


def run_parts(kit: Kit, parts: Iterable[Part], stop: Event, report: Report) -> None:
    """Make all that the ledger lacks of `parts`; returns only when it lacks nothing.

    Raises:
        Stopped: `stop` was set.
        DestinationRefused, DestinationUnavailable, Fenced: from the destinations.
    """
    wanted = list(parts)
    for _ in range(ROUNDS):
        left = list(remaining(kit.plan, wanted, kit.durable()))
        if not left:
            return
        _run_round(kit, left, stop, report)
    if left := list(remaining(kit.plan, wanted, kit.durable())):
        names = ", ".join(f"{w.part.table} part {w.part.number}" for w in left[:5])
        raise PartLost(f"after {ROUNDS} rounds still not durable: {names}")


def _run_round(kit: Kit, left: Sequence[PartWork], stop: Event, report: Report) -> None:
    copying = _CopyLane(kit.copier, report)
    uploading = _UploadLane(kit.uploader, report)
    try:
        with (
            Lane("copy", copying.handle, depth=LANE_DEPTH) as copies,
            Lane("upload", uploading.handle, depth=LANE_DEPTH) as uploads,
        ):
            for work in left:
                if work.upload:
                    uploads.put(work.part)
                for batch, copy in work.batches:
                    if stop.is_set():
                        raise Stopped
                    slices = make(kit.generator, batch)
                    report.generated(batch.table, batch.rows)
                    if copy:
                        copies.put((batch, slices))
                    if work.upload:
                        uploads.put(slices)
                if work.upload:
                    uploads.put(END_OF_PART)
    finally:
        uploading.abandon()


def make(generator: Generator, batch: Batch) -> Slices:
    """The batch's rows in slices of at most SLICE_ROWS."""
    return [
        generator.batch(batch.table, start, min(start + SLICE_ROWS, batch.stop))
        for start in range(batch.start, batch.stop, SLICE_ROWS)
    ]


@dataclass
class _CopyLane:
    copier: Copier | None
    report: Report

    def handle(self, item: tuple[Batch, Slices]) -> None:
        batch, slices = item
        if self.copier is None:
            raise AssertionError("a batch to copy without a Postgres destination")
        encoded = self.copier.encode(batch.table, slices)
        self.copier.load(batch, encoded)
        self.report.copied(batch, sum(map(len, encoded)))


class EndOfPart:
    """Marks the end of a part in the upload lane."""


END_OF_PART = EndOfPart()


@dataclass
class _UploadLane:
    uploader: Uploader | None
    report: Report
    part: Part | None = None
    upload: Upload | None = None

    def handle(self, item: Part | Slices | EndOfPart) -> None:
        try:
            self._handle(item)
        except PartLost:
            # The store dropped the upload: the next round makes the part again.
            self.upload = None

    def _handle(self, item: Part | Slices | EndOfPart) -> None:
        if isinstance(item, Part):
            if self.uploader is None:
                raise AssertionError("a part to upload without a bucket")
            self.part = item
            self.upload = self.uploader.open(item)
        elif self.upload is None:
            return
        elif isinstance(item, EndOfPart):
            self._finish(self.upload)
        else:
            self.upload.write(item)
            if self.part is not None:
                self.report.uploaded(self.part.table, sum(s.num_rows for s in item))

    def _finish(self, upload: Upload) -> None:
        pending = upload.close()
        self.upload = None
        if self.uploader is not None and self.uploader.record(pending):
            self.report.recorded(pending)
        else:
            upload.abort()

    def abandon(self) -> None:
        """Drop a part that was not finished, so that its pieces do not stay in the store."""
        if self.upload is not None:
            self.upload.abort()
            self.upload = None
