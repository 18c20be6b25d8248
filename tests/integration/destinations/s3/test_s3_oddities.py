"""Hostile names, servers that lack something, and records that are spoilt."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from contextlib import closing

import pyarrow.parquet as pq
import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.spec.dataset import ParquetTarget
from tests.integration.destinations.s3.fault_proxy import Fault, FaultProxy
from tests.integration.destinations.s3.small_runs import publish, run_of, upload, upload_all

ME = "me@here/local/shop"

TABLES = {"orders": 250, "none": 0}

Lakes = Callable[..., Lake]


def test_no_upload_is_left_even_if_the_server_lists_few_at_a_time(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, run = lake_of(), run_of(ME, 1, {"orders": 650})
    upload_all(lake, run)
    s3 = lake.bucket._connection.client
    whole = s3.list_multipart_uploads
    # SeaweedFS leaves some out of every page after the first.
    monkeypatch.setattr(
        s3, "list_multipart_uploads", lambda **given: whole(**given | {"MaxUploads": 2})
    )

    lake.abort_uploads(run.id)

    assert list(shared_bucket.uploads(target.prefix)) == []


def test_a_listing_that_lags_behind_does_not_hold_cleaning_up(
    lake_of: Lakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    part = upload(lake, run, run.plan.by_name["orders"].part(0))
    stale = [(part.key, part.upload_id)]
    monkeypatch.setattr(lake.bucket, "uploads", lambda prefix: iter(stale))

    lake.abort_uploads(run.id)

    assert lake.complete(run, [part]) == [part]


@pytest.mark.parametrize(
    "table",
    [
        'a"b; drop table x; --',
        "späce ✓ %41",
        "a/b\\c",
        "..",
        ".",
        "select",
        "ü" * 31 + "x",
        "tab\there\nand line",
        "_rowmill2",
    ],
)
def test_hostile_table_names_work(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, table: str
) -> None:
    tables = {table: 120, "plain": 10}
    lake, run = lake_of(), run_of(ME, 1, tables)
    lake.check_target([table, "plain"])
    parts = publish(lake, run)
    lake.clean(run)

    assert lake.published(run)
    folder = parts[0].key.removeprefix(target.prefix).rpartition("/")[0]
    assert "/" not in folder
    assert folder.isascii()
    stored = shared_bucket.read(parts[0].key)
    assert stored is not None
    assert pq.read_table(io.BytesIO(stored.body)).num_rows == 100
    lake.remove()
    assert list(shared_bucket.list(target.prefix)) == []


@pytest.mark.parametrize("folder", ["späce ✓ '\"+&=#?;%2F", "a.b-c_~*()!", "$(reboot)`x`"])
def test_hostile_prefixes_and_owners_work(
    lake_of: Lakes, target: ParquetTarget, folder: str
) -> None:
    owner = f"{folder}/local/{folder}"
    lake = lake_of(owner, prefix=f"{target.prefix}{folder}/")
    run = run_of(owner, 1, TABLES)
    lake.check_target(list(TABLES))
    publish(lake, run)
    lake.clean(run)

    assert lake.published(run)
    assert lake.data_owner() == owner
    lake.check_target(list(TABLES))


@pytest.mark.parametrize("folder", ["a//b/", "../up/"])
def test_a_prefix_that_the_server_does_not_keep_as_it_is_is_refused(
    lake_of: Lakes, target: ParquetTarget, folder: str
) -> None:
    lake = lake_of(prefix=f"{target.prefix}{folder}")

    with pytest.raises(DestinationRefused) as refused:
        lake.check_target(["orders"])

    assert refused.value.reason in ("PrefixUnusable", "S3Refused")


def test_a_server_that_ignores_conditions_is_refused(
    lake_of: Lakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_of()
    s3 = lake.bucket._connection.client
    put = s3.put_object
    monkeypatch.setattr(
        s3,
        "put_object",
        lambda **given: put(
            **{k: v for k, v in given.items() if k not in ("IfMatch", "IfNoneMatch")}
        ),
    )

    with pytest.raises(DestinationRefused) as refused:
        lake.check_target(["orders"])

    assert refused.value.reason == "ConditionalPutMissing"


@pytest.mark.parametrize("answer", [(501, "NotImplemented"), (412, "PreconditionFailed")])
def test_an_object_that_the_server_would_not_delete_is_not_taken_for_deleted(
    through_proxy: S3Address, proxy: FaultProxy, target: ParquetTarget, answer: tuple[int, str]
) -> None:
    with closing(Bucket(through_proxy, target.bucket)) as bucket:
        key = f"{target.prefix}x.json"
        bucket.put(key, b"1")
        proxy.faults = [Fault(lambda method, path: method == "DELETE", 1, answer)]

        with pytest.raises(DestinationRefused, match=answer[1]):
            bucket.delete(key)


def test_a_missing_bucket_is_refused_elsewhere_and_made_by_the_embedded_engine(
    lake_of: Lakes, s3: S3Address
) -> None:
    name = f"made-{uuid.uuid4().hex[:8]}"
    with pytest.raises(DestinationRefused, match=name) as refused:
        lake_of(bucket=name).check_target(["orders"])
    assert refused.value.reason == "BucketMissing"

    embedded = lake_of(bucket=name, secret_name=None)
    try:
        embedded.check_target(["orders"])
        embedded.remove()
    finally:
        s3.client().delete_bucket(Bucket=name)


@pytest.mark.parametrize("body", [b"not json", b"{}", b"[]", json.dumps({"run": 1}).encode()])
def test_a_spoilt_record_is_told_by_its_name(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, body: bytes
) -> None:
    lake = lake_of()
    shared_bucket.put(f"{target.prefix}_rowmill/current.json", body)

    with pytest.raises(DestinationRefused, match=r"_rowmill/current\.json") as refused:
        lake.current()

    assert refused.value.reason == "RecordUnreadable"
