from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from fault_proxy import Fault, FaultProxy
from small_runs import dataset_of, publish, run_of, upload, upload_all

from rowmill.destinations.bucket import Bucket
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake import Lake
from rowmill.destinations.object_names import part_key, tags
from rowmill.destinations.s3_client import S3Address
from rowmill.spec.dataset import ParquetTarget

ME = "me@here/local/shop"
OTHER = "you@there/local/shop two"
TABLES = {"orders": 250, "none": 0}
Lakes = Callable[..., Lake]


@pytest.fixture
def names(shared_bucket: Bucket, target: ParquetTarget) -> Callable[[], list[str]]:
    """The keys under the target's prefix, without it."""
    return lambda: [
        found.key.removeprefix(target.prefix) for found in shared_bucket.list(target.prefix)
    ]


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
            Bucket=shared_bucket.name, Key=part.key, Body=body, Metadata=tags(ME, made_by)
        )
        assert lake.complete(run, [part]) == [part]


def test_a_publish_that_lacks_a_part_is_not_done(lake_of: Lakes) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    parts = upload_all(lake, run)

    with pytest.raises(ValueError, match="not those of its plan"):
        lake.publish(run, dataset_of(TABLES), parts[1:])
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
    lake, run = Lake(through_proxy, target, ME, patience=20), run_of(ME, 1, TABLES)
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


def test_another_experiments_prefix_is_refused_with_the_line_that_takes_over(
    lake_of: Lakes, names: Callable[[], list[str]]
) -> None:
    theirs, mine = lake_of(OTHER), lake_of(ME)
    theirs.check_target(["orders"])
    their_run = run_of(OTHER, 7, TABLES, run_id="theirs")
    publish(theirs, their_run)

    for lake in (mine, lake_of(ME, replace=True)):
        with pytest.raises(DestinationRefused) as refused:
            lake.check_target(["orders"])
        assert refused.value.reason == "TargetInUse"
        assert "--adopt 'you@there/local/shop two'" in str(refused.value)
    with pytest.raises(DestinationRefused, match="belongs to"):
        mine.check_target(["orders"], "somebody/else")

    mine.check_target(["orders"], OTHER)
    mine.check_target(["orders"])
    run = run_of(ME, 1, TABLES)
    publish(mine, run)
    mine.clean(run)

    assert mine.published(run)
    assert [name for name in names() if "theirs" in name] == []
    with pytest.raises(DestinationRefused, match="belongs to"):
        theirs.check_target(["orders"])


def test_who_was_taken_over_can_neither_publish_nor_clean_nor_remove(lake_of: Lakes) -> None:
    theirs, mine = lake_of(OTHER), lake_of(ME)
    theirs.check_target(["orders"])
    their_run = run_of(OTHER, 7, TABLES, run_id="theirs")
    pending = upload_all(theirs, their_run)
    mine.check_target(["orders"], OTHER)
    run = run_of(ME, 1, TABLES)
    publish(mine, run)

    theirs.complete(their_run, pending)
    with pytest.raises(DestinationRefused, match="belongs to"):
        theirs.publish(their_run, dataset_of(TABLES), pending)
    theirs.remove()

    assert mine.published(run)


def test_of_two_that_claim_a_prefix_at_once_exactly_one_gets_it(lake_of: Lakes) -> None:
    lakes = [lake_of(f"engine/{n}") for n in range(6)]
    barrier = threading.Barrier(len(lakes))
    refused: list[str] = []

    def contend(lake: Lake) -> None:
        barrier.wait()
        try:
            lake.check_target(["orders"])
        except DestinationRefused as error:
            refused.append(error.reason)

    threads = [threading.Thread(target=contend, args=(lake,)) for lake in lakes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == ["TargetInUse"] * 5


def test_foreign_objects_are_refused_and_only_replace_gives_leave(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, names: Callable[[], list[str]]
) -> None:
    shared_bucket.put(f"{target.prefix}orders/part-0.parquet", b"precious")
    shared_bucket.put(f"{target.prefix}other/part-0.parquet", b"not in the way")
    with pytest.raises(DestinationRefused, match=r"orders/part-0\.parquet") as refused:
        lake_of().check_target(["orders"])
    assert refused.value.reason == "TableExists"
    assert "ifExists: replace" in str(refused.value)

    lake, run = lake_of(replace=True), run_of(ME, 1, TABLES)
    lake.check_target(["orders"])
    publish(lake, run)
    assert "orders/part-0.parquet" in names()
    lake.clean(run)

    assert "orders/part-0.parquet" not in names()
    assert "other/part-0.parquet" in names()


def test_without_replace_cleaning_leaves_what_is_not_ours(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    publish(lake, run)
    shared_bucket.put(f"{target.prefix}orders/dropped-in.parquet", b"precious")
    shared_bucket.put(f"{target.prefix}_rowmill/run-broken.json.bak", b"precious")

    lake.clean(run)
    lake.remove()

    assert shared_bucket.head(f"{target.prefix}orders/dropped-in.parquet") is not None
    assert shared_bucket.head(f"{target.prefix}_rowmill/run-broken.json.bak") is not None


def test_another_experiments_objects_in_our_folders_are_never_touched(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    key = f"{target.prefix}orders/inner/part-00000-x.parquet"
    s3 = shared_bucket._connection.client
    s3.put_object(Bucket=shared_bucket.name, Key=key, Body=b"1", Metadata=tags(OTHER, "x"))

    with pytest.raises(DestinationRefused, match="belongs to") as refused:
        lake_of(replace=True).check_target(["orders"])
    assert refused.value.reason == "TargetInUse"

    lake, run = lake_of(replace=True), run_of(ME, 1, TABLES)
    publish(lake, run)
    lake.clean(run)
    assert shared_bucket.head(key) is not None


def test_removing_takes_the_data_and_gives_the_prefix_up(
    lake_of: Lakes, names: Callable[[], list[str]]
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    lake.check_target(["orders"])
    publish(lake, run)

    lake.remove()
    lake.remove()

    assert names() == []
    lake_of(OTHER).check_target(["orders"])


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
