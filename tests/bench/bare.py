"""The bar: the same rows sent to the same servers by code that does nothing else.

The bytes of every batch's COPY (by pgpq) and of every Parquet part are made beforehand and read
into memory before the clock starts. Two processes then send them, each half: a transaction a batch,
and beside it, in a thread, each part as a multipart upload that is left to be completed.
"""

from __future__ import annotations

import io
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from rowmill.destinations.lake.parquet_encoding import TableEncoding
from rowmill.destinations.lake.parquet_part import PIECE_BYTES
from rowmill.destinations.lake.parquet_writer import PartWriter
from rowmill.destinations.postgres.copy.encoding import CopyEncoder
from rowmill.destinations.s3.client import S3Address
from rowmill.generate.rows import Generator
from rowmill.local.planning import plan_for
from rowmill.spec.dataset import Table
from rowmill.spec.load import load_spec
from rowmill.worker.pools import make_pools
from rowmill.worker.shard import make
from tests.bench.env import Env
from tests.postgres_login import connect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STREAMS = 2
_SCHEMA = "bench_bare"
_PREFIX = "bench-bare/"


@dataclass(frozen=True)
class Ready:
    """What is sent: files of COPY streams and of Parquet parts, one list of each a stream."""

    table: Table
    bucket: str
    batches: list[list[Path]]
    parts: list[list[Path]]


@dataclass(frozen=True)
class Sent:
    """From the first batch to the last durable one, in seconds; CPU of both processes."""

    seconds: float
    cpu_seconds: float


def encode(manifest: Path, folder: Path) -> Ready:
    """Make the bytes of all batches and parts of the manifest's only table, as a run cuts them."""
    folder.mkdir()
    spec = load_spec(manifest)
    plan = plan_for(spec, workers=STREAMS, batch_rows=None)
    layout, table = plan.tables[0], spec.dataset.tables[0]
    generator = Generator(spec.dataset, make_pools(spec.dataset))
    copies = CopyEncoder(table)
    assert spec.parquet is not None, "the manifest names a bucket"
    parquet = TableEncoding(spec.dataset, table, spec.parquet.compression, spec.parquet.types)
    ready = Ready(table, spec.parquet.bucket, [[] for _ in range(STREAMS)], [[], []])
    for number in range(layout.parts):
        stream = number * STREAMS // layout.parts
        sink, part = io.BytesIO(), layout.part(number)
        writer = PartWriter(sink, parquet, layout, part, spec.dataset.data_version)
        for batch in layout.batches_of(part):
            slices = make(generator, batch)
            path = folder / f"batch-{batch.number}"
            path.write_bytes(b"".join(copies.encode(slices)))
            ready.batches[stream].append(path)
            writer.write(slices)
        writer.close()
        path = folder / f"part-{number}"
        path.write_bytes(sink.getvalue())
        ready.parts[stream].append(path)
    return ready


def send(
    env: Env,
    ready: Ready,
    *,
    upload: bool,
    wait_for_disk: bool = True,
    during: AbstractContextManager[None] | None = None,
) -> Sent:
    """Send all of it once, into a new table and new uploads, and remove it again.

    Args:
        upload: send the parts too.
        wait_for_disk: commits do, as they do by default; batches of a run do not.
        during: entered before the streams begin, left when they have ended.
    """
    with env.connect() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {_SCHEMA}")
        connection.execute(_create(ready.table))
    env.settle()
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(STREAMS), context.SimpleQueue()
    processes = [
        context.Process(
            target=_stream,
            args=(dict(env.exports), ready, stream, upload, wait_for_disk, barrier, results),
        )
        for stream in range(STREAMS)
    ]
    with during or nullcontext():
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a bare stream failed")
    began, ended, cpu = zip(*(results.get() for _ in processes), strict=True)
    with env.connect() as connection:
        connection.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")
    _abort_uploads(env.exports, ready.bucket)
    return Sent(max(ended) - min(began), sum(cpu))


def _create(table: Table) -> sql.Composed:
    """The table as a run stages it: no keys yet."""
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.type.sql),
            sql.SQL("" if column.nullable else " NOT NULL"),
        )
        for column in table.columns
    ]
    name = sql.Identifier(_SCHEMA, table.name)
    return sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(columns))


def _stream(
    exports: Mapping[str, str],
    ready: Ready,
    stream: int,
    upload: bool,
    wait_for_disk: bool,
    barrier: Barrier,
    results: multiprocessing.SimpleQueue[tuple[float, float, float]],
) -> None:
    batches = [path.read_bytes() for path in ready.batches[stream]]
    parts = {p.name: p.read_bytes() for p in ready.parts[stream]} if upload else {}
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(
        sql.Identifier(_SCHEMA, ready.table.name)
    )
    client = S3Address(lambda: exports).client()
    with connect(exports) as connection:
        if not wait_for_disk:
            connection.execute("SET synchronous_commit = off")
        connection.autocommit = False
        barrier.wait()
        began, cpu = time.monotonic(), time.process_time()
        uploading = Thread(target=_upload, args=(client, ready.bucket, parts))
        uploading.start()
        _copy(connection, statement, batches)
        uploading.join()
        ended = time.monotonic()
    results.put((began, ended, time.process_time() - cpu))


def _copy(
    connection: psycopg.Connection, statement: sql.Composed, batches: Sequence[bytes]
) -> None:
    for encoded in batches:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(encoded)
        connection.commit()


def _upload(client: S3Client, bucket: str, parts: Mapping[str, bytes]) -> None:
    for name, content in parts.items():
        key = _PREFIX + name
        upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        for number, start in enumerate(range(0, len(content), PIECE_BYTES), 1):
            client.upload_part(
                Bucket=bucket,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                Body=content[start : start + PIECE_BYTES],
            )


def _abort_uploads(exports: Mapping[str, str], bucket: str) -> None:
    client = S3Address(lambda: exports).client()
    for found in client.list_multipart_uploads(Bucket=bucket, Prefix=_PREFIX).get("Uploads", []):
        client.abort_multipart_upload(Bucket=bucket, Key=found["Key"], UploadId=found["UploadId"])
