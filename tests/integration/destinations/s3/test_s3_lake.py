from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.lake.object_names import part_key, tags
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.spec.dataset import ParquetTarget
from tests.integration.destinations.s3.fault_proxy import Fault, FaultProxy
from tests.integration.destinations.s3.small_runs import (
    dataset_of,
    publish,
    run_of,
    upload,
    upload_all,
)

ME = "me@here/local/shop"

TABLES = {"orders": 250, "none": 0}

Lakes = Callable[..., Lake]


def test_readers_see_a_run_once_it_is_published_and_not_before(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, names: Callable[[], list[str]]
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    lake.check_target(["orders", "none"])
    parts = upload_all(lake, run)
    assert names() == ["_rowmill/owner.json"]
    assert lake.current() is None
    assert not lake.published(run)

    assert lake.complete(run, parts) == []
    lake.publish(run, dataset_of(TABLES), parts)
    lake.clean(run)

    assert names() == [
        "_rowmill/current.json",
        "_rowmill/owner.json",
        f"_rowmill/run-{run.id}.json",
        f"none/part-00000-{run.id}.parquet",
        f"orders/part-00000-{run.id}.parquet",
        f"orders/part-00001-{run.id}.parquet",
        f"orders/part-00002-{run.id}.parquet",
    ]
    current, record = lake.current(), lake.record(run.id)
    assert current is not None
    assert record is not None
    assert (current.run, current.owner, current.record) == (run.id, ME, f"run-{run.id}.json")
    assert lake.data_owner() == ME
    assert record.plan == run.plan
    assert record.rows == 250
    assert record.summary == run.summary
    assert [(p.table, p.start, p.stop, p.sha256) for p in record.parts[:3]] == [
        ("orders", 0, 100, parts[0].sha256),
        ("orders", 100, 200, parts[1].sha256),
        ("orders", 200, 250, parts[2].sha256),
    ]
    assert record.schema["orders"]["columns"][1] == {
        "name": "note",
        "type": "text",
        "nullable": True,
    }
    ids = []
    for part in record.parts[:3]:
        stored = shared_bucket.read(part.key)
        assert stored is not None
        ids += pq.read_table(io.BytesIO(stored.body))["id"].to_pylist()
    assert ids == list(range(250))
    assert lake.published(run)


def test_every_step_of_publishing_can_be_repeated(lake_of: Lakes) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    parts = publish(lake, run)
    moved = lake.current()

    again = lake_of()
    assert again.complete(run, parts) == []
    again.publish(run, dataset_of(TABLES), parts)
    again.clean(run)
    again.clean(run)

    assert again.published(run)
    assert again.current() == moved


def test_the_next_run_replaces_the_last_and_clears_it_away(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, names: Callable[[], list[str]]
) -> None:
    lake = lake_of()
    old, new = run_of(ME, 1, {"orders": 250, "dropped": 100}), run_of(ME, 2, TABLES)
    publish(lake, old)
    lake.check_target(list(TABLES))
    unrecorded = upload(lake, new, new.plan.by_name["orders"].part(0))
    publish(lake, new)
    assert not lake.published(old)
    assert shared_bucket.head(part_key(target.prefix, "orders", 0, old.id)) is not None

    lake.clean(new)

    assert lake.published(new)
    assert [name for name in names() if old.id in name] == []
    assert list(shared_bucket.uploads(target.prefix)) == []
    assert unrecorded.key.removeprefix(target.prefix) in names()


def test_a_part_whose_upload_is_gone_is_told_and_made_again(
    lake_of: Lakes, shared_bucket: Bucket
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    parts = upload_all(lake, run)
    shared_bucket.abort_upload(parts[1].key, parts[1].upload_id)
    wrong = replace(parts[2], etags=('"' + "0" * 32 + '"',))

    assert lake.complete(run, [parts[0], parts[1], wrong]) == [parts[1], wrong]

    again = upload(lake, run, run.plan.by_name["orders"].part(1))
    assert lake.complete(run, [again]) == []


def test_an_upload_completed_by_another_is_as_good(
    lake_of: Lakes,
    shared_bucket: Bucket,
    through_proxy: S3Address,
    proxy: FaultProxy,
    target: ParquetTarget,
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    part = upload(lake, run, run.plan.by_name["orders"].part(0))
    proxy.faults = [Fault(lambda method, path: method == "POST", 1, answer=(404, "NoSuchUpload"))]
    faulty = Lake(through_proxy, target, ME)
    shared_bucket.complete_upload(part.key, part.upload_id, part.etags)

    assert faulty.complete(run, [part]) == []


def test_an_object_of_another_run_or_size_does_not_stand_for_a_part(
    lake_of: Lakes, shared_bucket: Bucket
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    part = upload(lake, run, run.plan.by_name["orders"].part(0))
    shared_bucket.abort_upload(part.key, part.upload_id)
    s3 = shared_bucket._connection.client
    for body, made_by in ((b"x" * part.bytes, "another"), (b"short", run.id)):
        s3.put_object(
            Bucket=shared_bucket.name,
            Key=part.key,
            Body=body,
            Metadata=tags(ME, made_by, "sha256:abc"),
        )
        assert lake.complete(run, [part]) == [part]


def test_a_publish_that_lacks_a_part_is_not_done(lake_of: Lakes) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    parts = upload_all(lake, run)

    with pytest.raises(DestinationRefused, match="not those of its plan") as refused:
        lake.publish(run, dataset_of(TABLES), parts[1:])
    assert refused.value.reason == "PartsUnplanned"
    assert lake.current() is None


@pytest.mark.parametrize("published_before", [False, True])
def test_of_two_that_publish_at_once_exactly_one_wins(
    lake_of: Lakes, monkeypatch: pytest.MonkeyPatch, published_before: bool
) -> None:
    if published_before:
        publish(lake_of(), run_of(ME, 1, TABLES))
    rivals = [(lake_of(), run_of(ME, n, TABLES)) for n in (2, 3)]
    parts = [upload_all(lake, run) for lake, run in rivals]
    barrier = threading.Barrier(2)
    put_if = Bucket.put_if

    def together(self: Bucket, key: str, body: bytes, etag: str | None) -> str | None:
        barrier.wait()
        return put_if(self, key, body, etag)

    monkeypatch.setattr(Bucket, "put_if", together)
    outcomes: dict[str, DestinationRefused | None] = {}

    def contend(n: int) -> None:
        lake, run = rivals[n]
        lake.complete(run, parts[n])
        try:
            lake.publish(run, dataset_of(TABLES), parts[n])
            outcomes[run.id] = None
        except DestinationRefused as refused:
            outcomes[run.id] = refused

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    winners = [run_id for run_id, refused in outcomes.items() if refused is None]
    losers = [refused for refused in outcomes.values() if refused is not None]
    current = lake_of().current()
    assert current is not None
    assert winners == [current.run]
    assert [refused.reason for refused in losers] == ["LiveRunElsewhere"]
    assert f"({current.run})" in str(losers[0])


def test_a_late_publisher_does_not_undo_a_newer_run(lake_of: Lakes) -> None:
    lake = lake_of()
    newer, late = run_of(ME, 2, TABLES), run_of(ME, 1, TABLES)
    publish(lake, newer)

    with pytest.raises(DestinationRefused, match="run 2") as refused:
        publish(lake, late)

    assert refused.value.reason == "LiveRunElsewhere"
    assert lake.published(newer)


def test_a_publish_whose_answer_was_lost_is_done(
    through_proxy: S3Address, proxy: FaultProxy, target: ParquetTarget
) -> None:
    lake, run = Lake(through_proxy, target, ME, patience=Patience(20)), run_of(ME, 1, TABLES)
    proxy.faults = [
        Fault(lambda method, path: method == "PUT" and "current.json" in path, 1, lose=True),
        Fault(lambda method, path: method == "POST" and "uploadId" in path, 2, lose=True),
    ]

    publish(lake, run)

    assert lake.published(run)
    assert [fault.times for fault in proxy.faults] == [0, 0]


def test_a_lost_object_makes_a_published_run_incomplete(
    lake_of: Lakes, shared_bucket: Bucket
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    parts = publish(lake, run)
    shared_bucket.delete(parts[1].key)
    assert not lake.published(run)
    shared_bucket.put(parts[1].key, b"something else")
    assert not lake.published(run)


def test_uploads_are_aborted_run_by_run(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    lake = lake_of()
    one, two = run_of(ME, 1, TABLES), run_of(ME, 2, TABLES)
    upload_all(lake, one)
    kept = upload_all(lake, two)

    lake.abort_uploads(one.id)

    left = [key for key, _ in shared_bucket.uploads(target.prefix)]
    assert sorted(left) == sorted(part.key for part in kept)
