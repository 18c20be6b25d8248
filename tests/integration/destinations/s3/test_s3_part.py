from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.lake.parquet_part import PIECE_BYTES, PartLost, PartUpload
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.plan.layout import Plan, TableLayout
from rowmill.spec.dataset import Column, Dataset, ParquetTarget, ParquetTypes, Table
from rowmill.spec.kinds import Sequence, Uuid
from rowmill.spec.values.types import parse_type
from rowmill.version import VERSION
from tests.integration.destinations.s3.fault_proxy import Fault, FaultProxy
from tests.integration.destinations.s3.small_runs import dataset_of, rows, run_of, upload

TABLES = {"orders": 250}


def test_a_part_is_nowhere_to_be_seen_before_it_is_completed(
    lake_of: Callable[..., Lake], shared_bucket: Bucket, target: ParquetTarget
) -> None:
    lake, run = lake_of("me@here/local/näme ✓"), run_of("me@here/local/näme ✓", 1, TABLES)

    part = upload(lake, run, run.plan.by_name["orders"].part(1))

    assert part.key == f"{target.prefix}orders/part-00001-{run.id}.parquet"
    assert list(shared_bucket.list(target.prefix)) == []
    assert [key for key, _ in shared_bucket.uploads(target.prefix)] == [part.key]

    assert lake.complete(run, [part]) == []

    stored = shared_bucket.read(part.key)
    head = shared_bucket.head(part.key)
    assert stored is not None
    assert head is not None
    assert (part.rows, part.bytes) == (100, len(stored.body))
    assert part.sha256 == hashlib.sha256(stored.body).hexdigest()
    assert head.metadata == {
        "rowmill-owner": "me@here/local/n%C3%A4me%20%E2%9C%93",
        "rowmill-run": run.id,
        "rowmill-digest": "sha256:abc",
        "rowmill-version": VERSION,
    }
    file = pq.ParquetFile(io.BytesIO(stored.body))
    expected = pa.Table.from_batches([rows(100, 200)])
    assert file.read().equals(expected.cast(file.schema_arrow))
    assert [file.metadata.row_group(n).num_rows for n in range(2)] == [50, 50]
    # Whose it is, and of which run, is said by the object alone: its bytes are the data's.
    assert file.metadata.metadata == {
        b"rowmill.table": b"orders",
        b"rowmill.part": b"1",
        b"rowmill.rows": b"100-200",
        b"rowmill.dataVersion": b"1",
    }


def test_an_empty_table_has_one_part_with_its_schema(
    lake_of: Callable[..., Lake], shared_bucket: Bucket
) -> None:
    lake, run = lake_of(), run_of("me@here/local/shop", 1, {"none": 0})

    part = upload(lake, run, run.plan.by_name["none"].part(0))
    lake.complete(run, [part])

    stored = shared_bucket.read(part.key)
    assert stored is not None
    table = pq.read_table(io.BytesIO(stored.body))
    assert (table.num_rows, table.column_names) == (0, ["id", "note"])


def test_a_part_has_the_same_bytes_however_it_was_sliced_and_in_every_process(
    lake_of: Callable[..., Lake],
) -> None:
    lake, run = lake_of(), run_of("me@here/local/shop", 1, TABLES)
    part = run.plan.by_name["orders"].part(0)
    whole = upload(lake, run, part)
    sliced = lake.open_part(run, dataset_of(TABLES), part)
    sliced.write([rows(0, 7), rows(7, 7), rows(7, 50)])
    sliced.write([rows(50, 100)])
    pending = sliced.close()

    script = (
        "from tests.integration.destinations.s3.small_runs import run_of, upload;"
        "from rowmill.destinations.lake.lake import Lake;"
        "from rowmill.destinations.s3.client import S3Address; import os, pickle, sys;"
        "lake = Lake(S3Address(lambda: os.environ), pickle.load(sys.stdin.buffer), 'x');"
        "run = run_of('me@here/local/shop', 1, {'orders': 250});"
        "print(upload(lake, run, run.plan.by_name['orders'].part(0)).sha256)"
    )
    elsewhere = _python(script, lake, PYTHONHASHSEED="7")

    assert whole.sha256 == pending.sha256 == elsewhere.strip()


def test_a_part_of_the_wrong_number_of_rows_is_never_pending(lake_of: Callable[..., Lake]) -> None:
    run = run_of("me@here/local/shop", 1, TABLES)
    opened = lake_of().open_part(run, dataset_of(TABLES), run.plan.by_name["orders"].part(0))
    opened.write([rows(0, 50)])

    with pytest.raises(ValueError, match="got 50 rows, not 100"):
        opened.close()
    opened.abort()


def test_a_large_part_goes_in_pieces_of_one_size(
    lake_of: Callable[..., Lake], shared_bucket: Bucket
) -> None:
    opened, batches = _large(lake_of())
    for batch in batches:
        opened.write([batch])

    part = opened.close()
    run = run_of("me@here/local/shop", 1, TABLES)
    assert lake_of().complete(run, [part]) == []

    assert len(part.etags) == -(-part.bytes // PIECE_BYTES) == 4
    stored = shared_bucket.read(part.key)
    assert stored is not None
    assert hashlib.sha256(stored.body).hexdigest() == part.sha256
    table = pq.read_table(io.BytesIO(stored.body))
    assert (
        table["noise"].combine_chunks() == pa.Table.from_batches(batches)["noise"].combine_chunks()
    )


def test_an_aborted_part_leaves_nothing(
    lake_of: Callable[..., Lake], shared_bucket: Bucket, target: ParquetTarget
) -> None:
    opened, batches = _large(lake_of())
    for batch in batches:
        opened.write([batch])
    opened.abort()
    opened.abort()

    assert list(shared_bucket.uploads(target.prefix)) == []
    assert list(shared_bucket.list(target.prefix)) == []


def test_an_upload_that_went_away_loses_the_part(
    lake_of: Callable[..., Lake], shared_bucket: Bucket, target: ParquetTarget
) -> None:
    opened, batches = _large(lake_of())
    with pytest.raises(PartLost):
        _sweep_while_writing(opened, batches, shared_bucket, target)
    opened.abort()

    assert list(shared_bucket.uploads(target.prefix)) == []


def test_pieces_are_sent_again_when_the_server_stumbles(
    through_proxy: S3Address, proxy: FaultProxy, target: ParquetTarget, shared_bucket: Bucket
) -> None:
    lake = Lake(through_proxy, target, "me@here/local/shop", patience=Patience(20))
    proxy.faults = [
        Fault(_is_piece(1), 2, answer=(503, "SlowDown")),
        Fault(_is_piece(2), 2, cut=True),
        Fault(_is_piece(3), 1, lose=True),
        Fault(_is_piece(4), 1, answer=(500, "InternalError")),
    ]
    opened, batches = _large(lake)
    for batch in batches:
        opened.write([batch])
    part = opened.close()
    lake.complete(run_of("me@here/local/shop", 1, TABLES), [part])

    stored = shared_bucket.read(part.key)
    assert stored is not None
    assert hashlib.sha256(stored.body).hexdigest() == part.sha256
    assert all(fault.times == 0 for fault in proxy.faults)


@pytest.mark.parametrize(
    ("answer", "error"),
    [((507, "StorageFull"), DestinationRefused), ((503, "SlowDown"), DestinationUnavailable)],
)
def test_a_refused_piece_fails_the_part_with_the_destinations_words(
    through_proxy: S3Address,
    proxy: FaultProxy,
    target: ParquetTarget,
    shared_bucket: Bucket,
    answer: tuple[int, str],
    error: type[Exception],
) -> None:
    lake = Lake(through_proxy, target, "me@here/local/shop", patience=Patience(0.1))
    proxy.faults = [Fault(_is_piece(2), 1000, answer=answer)]
    opened, batches = _large(lake)

    with pytest.raises(error, match="cannot write s3://"):
        _write_all(opened, batches)
    opened.abort()

    assert list(shared_bucket.uploads(target.prefix)) == []


def test_a_killed_worker_leaves_no_visible_object(
    lake_of: Callable[..., Lake], shared_bucket: Bucket, target: ParquetTarget
) -> None:
    lake = lake_of()
    script = (
        "import pickle, sys, os, signal; "
        "from tests.integration.destinations.s3 import test_s3_part as t; "
        "from rowmill.destinations.lake.lake import Lake; "
        "from rowmill.destinations.s3.client import S3Address;"
        "lake = Lake(S3Address(lambda: os.environ), pickle.load(sys.stdin.buffer), 'x');"
        "opened, batches = t._large(lake); [opened.write([batch]) for batch in batches];"
        "opened._pieces.finish(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    _python(script, lake, status=-signal.SIGKILL)

    assert list(shared_bucket.list(target.prefix)) == []
    assert len(list(shared_bucket.uploads(target.prefix))) == 1
    lake.abort_uploads("large")
    assert list(shared_bucket.uploads(target.prefix)) == []


def test_two_runs_of_one_lake_write_each_their_own_types(lake_of: Callable[..., Lake]) -> None:
    """A run that is rolled forward makes parts again before a newer one begins."""
    lake = lake_of("me@here/local/shop")
    layout = TableLayout("keys", 2, 20, 1000, 1000, 1000)
    columns = (Column("key", parse_type("uuid"), Uuid(4), 0.0, False, False),)
    dataset = Dataset(0, "en_US", 1, (Table("keys", 2, columns, (), None, (), (), ()),))
    cells = pa.record_batch({"key": pa.array([bytes(16), b"x" * 16], pa.binary(16))})

    found = []
    for number, types in enumerate((ParquetTypes.NATIVE, ParquetTypes.PORTABLE), 1):
        plan = Plan("sha256:abc", 1, (layout,), (1,), types)
        run = replace(run_of("me@here/local/shop", number, TABLES), plan=plan)
        opened = lake.open_part(run, dataset, layout.part(0))
        opened.write([cells])
        part = opened.close()
        assert lake.complete(run, [part]) == []
        stored = lake.bucket.read(part.key)
        assert stored is not None
        found.append(pq.read_schema(io.BytesIO(stored.body)).field("key").type)

    assert found == [pa.uuid(), pa.string()]


def _large(lake: Lake) -> tuple[PartUpload, list[pa.RecordBatch]]:
    """A part of about 28 MiB that nothing compresses, in batches of 1 MiB."""
    layout = TableLayout("large", 28 * 1024, 1024, 1024, 28 * 1024, 4 * 1024)
    columns = (Column("noise", parse_type("bytea"), Sequence(0, 1), 0.0, False, False),)
    table = Table("large", layout.rows, columns, (), None, (), (), ())
    run = replace(
        run_of("me@here/local/shop", 1, TABLES, run_id="large"),
        plan=Plan("sha256:abc", 1, (layout,), (1,)),
    )
    noise = np.random.default_rng(1)
    batches = [
        pa.record_batch({"noise": pa.array([noise.bytes(1024) for _ in range(1024)])})
        for _ in range(28)
    ]
    return lake.open_part(run, Dataset(0, "en_US", 1, (table,)), layout.part(0)), batches


def _write_all(opened: PartUpload, batches: list[pa.RecordBatch]) -> None:
    for batch in batches:
        opened.write([batch])
    opened.close()


def _sweep_while_writing(
    opened: PartUpload, batches: list[pa.RecordBatch], bucket: Bucket, target: ParquetTarget
) -> None:
    for batch in batches:
        opened.write([batch])
        for key, upload_id in bucket.uploads(target.prefix):
            bucket.abort_upload(key, upload_id)
    opened.close()


def _is_piece(number: int) -> Callable[[str, str], bool]:
    return lambda method, path: method == "PUT" and f"partNumber={number}&" in f"{path}&"


def _python(script: str, lake: Lake, *, status: int = 0, **variables: str) -> str:
    """Run a script in another process that reaches the lake's server; its standard output."""
    import pickle

    credentials = lake.bucket._address.credentials()
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(lake._target),
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            **credentials,
            "PYTHONPATH": os.pathsep.join(sys.path),
            **variables,
        },
        check=False,
    )
    assert done.returncode == status
    return done.stdout.decode()
