"""The worker's metrics: rows, batches, bytes and seconds by stage, retries by destination."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pyarrow as pa
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from rowmill.destinations.ledger import PendingPart
from rowmill.plan.layout import Part
from rowmill.plan.pod_contract import PARQUET, POSTGRES
from rowmill.worker.shard_context import Copier, ShardContext, Source, Upload, Uploader

STAGES = ("generate", "encode", "copy", "upload")


class Metrics:
    """All metrics of one pod. Every label is shown from the start, so that rates begin at 0."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self.rows = self._counter("rows", "Rows by what was done to them.", "stage")
        self.batches = self._counter("batches", "Batches handed to a destination.", "destination")
        self.bytes = self._counter("bytes", "Bytes sent to a destination.", "destination")
        self.seconds = self._counter("stage_seconds", "Seconds spent by stage.", "stage")
        self.retries = self._counter("retries", "Failures met with another try.", "destination")
        self.shard_rows = Gauge(
            "rowmill_worker_shard_rows",
            "Rows of this pod's work that every destination holds.",
            registry=self._registry,
        )
        for stage in ("generated", "copied", "uploaded"):
            self.rows.labels(stage)
        for stage in STAGES:
            self.seconds.labels(stage)
        for counter in (self.batches, self.bytes, self.retries):
            for destination in (POSTGRES, PARQUET):
                counter.labels(destination)

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the seconds of the block."""
        since = time.monotonic()
        try:
            yield
        finally:
            self.seconds.labels(stage).inc(time.monotonic() - since)

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(f"rowmill_worker_{name}", text, [label], registry=self._registry)


def measured(context: ShardContext, metrics: Metrics) -> ShardContext:
    """The same context, with its stages timed."""
    return replace(
        context,
        generator=_TimedSource(context.generator, metrics),
        copier=_copier(context.copier, metrics),
        uploader=_uploader(context.uploader, metrics),
    )


@dataclass(frozen=True)
class _TimedSource:
    source: Source
    metrics: Metrics

    def batch(self, table: str, start: int, stop: int) -> pa.RecordBatch:
        with self.metrics.timed("generate"):
            return self.source.batch(table, start, stop)


def _copier(copier: Copier | None, metrics: Metrics) -> Copier | None:
    if copier is None:
        return None
    encode, load = copier.encode, copier.load

    def timed_encode(table: str, slices: list[pa.RecordBatch]) -> Sequence[bytes]:
        with metrics.timed("encode"):
            return encode(table, slices)

    return Copier(timed_encode, _timed(load, "copy", metrics))


def _timed(call: Callable[..., bool], stage: str, metrics: Metrics) -> Callable[..., bool]:
    def timed(*arguments: object) -> bool:
        with metrics.timed(stage):
            return call(*arguments)

    return timed


def _uploader(uploader: Uploader | None, metrics: Metrics) -> Uploader | None:
    if uploader is None:
        return None
    begin = uploader.open

    def begin_timed(part: Part) -> Upload:
        return _TimedUpload(begin(part), metrics)

    return replace(uploader, open=begin_timed)


@dataclass(frozen=True)
class _TimedUpload:
    upload: Upload
    metrics: Metrics

    def write(self, batches: Sequence[pa.RecordBatch]) -> None:
        with self.metrics.timed("upload"):
            self.upload.write(batches)

    def close(self) -> PendingPart:
        with self.metrics.timed("upload"):
            return self.upload.close()

    def abort(self) -> None:
        self.upload.abort()
