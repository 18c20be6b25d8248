"""Whose a prefix and its objects are: another's are refused, left alone, or taken over by name."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.lake.claim import held
from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.lake.object_names import tags
from rowmill.destinations.s3.bucket import Bucket
from rowmill.spec.dataset import ParquetTarget
from tests.integration.destinations.s3.small_runs import dataset_of, publish, run_of, upload_all

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


@pytest.mark.parametrize("before", [None, OTHER], ids=["nobody's", "adopted"])
def test_a_claim_that_an_object_came_before_is_taken_back(
    lake_of: Lakes,
    shared_bucket: Bucket,
    target: ParquetTarget,
    monkeypatch: pytest.MonkeyPatch,
    before: str | None,
) -> None:
    """It comes between the look and the claim, and only the second look sees it."""
    if before is not None:
        lake_of(before).check_target(["orders"])
    lake = lake_of()
    put_if = lake.bucket.put_if

    def overtaken(key: str, body: bytes, etag: str | None) -> str | None:
        if key.endswith("owner.json"):
            shared_bucket.put(f"{target.prefix}orders/part-0.parquet", b"precious")
        return put_if(key, body, etag)

    monkeypatch.setattr(lake.bucket, "put_if", overtaken)
    with pytest.raises(DestinationRefused) as refused:
        lake.check_target(["orders"], before)

    assert refused.value.reason == "TableExists"
    left = held(shared_bucket, target.prefix)
    assert (left.claim.owner if left else None) == before


@pytest.mark.parametrize("before", [None, OTHER], ids=["nobody's", "adopted"])
def test_a_claim_whose_answer_was_lost_with_the_server_is_taken_back(
    lake_of: Lakes,
    shared_bucket: Bucket,
    target: ParquetTarget,
    monkeypatch: pytest.MonkeyPatch,
    before: str | None,
) -> None:
    if before is not None:
        lake_of(before).check_target(["orders"])
    lake = lake_of()
    put_if = lake.bucket.put_if
    cuts = iter(["the claim's"])

    def cut(key: str, body: bytes, etag: str | None) -> str | None:
        written = put_if(key, body, etag)
        if key.endswith("owner.json") and next(cuts, None):
            raise DestinationUnavailable("nothing answers")
        return written

    monkeypatch.setattr(lake.bucket, "put_if", cut)
    with pytest.raises(DestinationUnavailable, match="nothing answers"):
        lake.check_target(["orders"], before)

    left = held(shared_bucket, target.prefix)
    assert (left.claim.owner if left else None) == before


def test_a_claim_that_is_ones_own_already_outlasts_a_refusal(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    lake.check_target(["orders"])
    publish(lake, run)
    shared_bucket.put(f"{target.prefix}orders/dropped-in.parquet", b"precious")

    with pytest.raises(DestinationRefused, match="dropped-in"):
        lake.check_target(["orders"])

    with pytest.raises(DestinationRefused, match="belongs to"):
        lake_of(OTHER).check_target(["others"])


def test_data_whose_claim_was_lost_keeps_the_prefix_for_its_owner(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    mine, theirs, run = lake_of(), lake_of(OTHER), run_of(ME, 1, TABLES)
    publish(mine, run)
    shared_bucket.delete(f"{target.prefix}_rowmill/owner.json")

    for claim in (lambda: theirs.check_target(["others"]), theirs.hold):
        with pytest.raises(DestinationRefused, match=f"belongs to the experiment '{ME}'"):
            claim()
    assert held(shared_bucket, target.prefix) is None
    assert mine.hold() == {ME}
    assert held(shared_bucket, target.prefix) is not None


def test_readers_are_led_to_no_run_whose_prefix_is_unclaimed(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    publish(lake_of(), run_of(ME, 1, TABLES))

    found = held(shared_bucket, target.prefix)
    assert found is not None
    assert found.claim.owner == ME


def test_a_claim_is_released_by_its_owner_alone(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    lake_of().check_target(["orders"])

    lake_of(OTHER).release()
    assert held(shared_bucket, target.prefix) is not None
    lake_of().release()
    assert held(shared_bucket, target.prefix) is None


@pytest.mark.parametrize("lost", [None, "current.json", f"run-{1:012x}.json"])
def test_a_released_prefix_is_again_that_of_the_adopted_owner_whose_data_is_there(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, lost: str | None
) -> None:
    lakes = [lake_of(owner) for owner in ("engine/1", "engine/2", "engine/3", "engine/4")]
    lakes[0].check_target(["orders"])
    lakes[1].check_target(["orders"], "engine/1")
    publish(lakes[1], run_of("engine/2", 1, TABLES))
    before = held(shared_bucket, target.prefix)
    lakes[2].check_target(["orders"], "engine/2")
    lakes[3].check_target(["orders"], "engine/3")
    if lost is not None:
        shared_bucket.delete(f"{target.prefix}_rowmill/{lost}")

    lakes[3].release()

    after = held(shared_bucket, target.prefix)
    assert after is not None
    assert before is not None
    assert after.claim == before.claim


@pytest.mark.parametrize("lost", [None, "current.json", f"run-{1:012x}.json"])
def test_a_claim_is_not_released_while_published_data_stands_behind_it(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, lost: str | None
) -> None:
    lake, run = lake_of(), run_of(ME, 1, TABLES)
    publish(lake, run)
    if lost is not None:
        shared_bucket.delete(f"{target.prefix}_rowmill/{lost}")

    lake.release()
    assert held(shared_bucket, target.prefix) is not None


def test_foreign_objects_are_refused_and_only_replace_gives_leave(
    lake_of: Lakes, shared_bucket: Bucket, target: ParquetTarget, names: Callable[[], list[str]]
) -> None:
    shared_bucket.put(f"{target.prefix}orders/part-0.parquet", b"precious")
    shared_bucket.put(f"{target.prefix}other/part-0.parquet", b"not in the way")
    with pytest.raises(DestinationRefused, match=r"orders/part-0\.parquet") as refused:
        lake_of().check_target(["orders"])
    assert refused.value.reason == "TableExists"
    assert "ifExists: replace" in str(refused.value)
    assert held(shared_bucket, target.prefix) is None

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
    s3.put_object(
        Bucket=shared_bucket.name, Key=key, Body=b"1", Metadata=tags(OTHER, "x", "sha256:abc")
    )

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
