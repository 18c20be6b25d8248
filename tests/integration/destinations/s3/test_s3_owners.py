"""Whose a prefix and its objects are: another's are refused, left alone, or taken over by name."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from small_runs import dataset_of, publish, run_of, upload_all

from rowmill.destinations.bucket import Bucket
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake import Lake
from rowmill.destinations.object_names import tags
from rowmill.spec.dataset import ParquetTarget

ME = "me@here/local/shop"

OTHER = "you@there/local/shop two"

TABLES = {"orders": 250, "none": 0}

Lakes = Callable[..., Lake]


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
