"""Objects of a bucket: written and deleted on conditions, listed, uploaded in pieces, read."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.s3.bucket import Bucket, UploadGone
from rowmill.spec.dataset import ParquetTarget
from tests.integration.destinations.s3.fault_proxy import Fault, FaultProxy, puts


def test_only_one_of_many_writers_wins_each_condition(
    shared_bucket: Bucket, target: ParquetTarget
) -> None:
    key = f"{target.prefix}decided"
    first = _race(lambda n: shared_bucket.put_if(key, b"%d" % n, None))
    assert len(first) == 1
    second = _race(lambda n: shared_bucket.put_if(key, b"again %d" % n, first[0]))
    assert len(second) == 1
    assert shared_bucket.put_if(key, b"late", first[0]) is None


def test_a_conditional_write_whose_answer_was_lost_is_known_again(
    faulty: Bucket, proxy: FaultProxy, target: ParquetTarget
) -> None:
    key = f"{target.prefix}once"
    proxy.faults = [Fault(puts, 1, lose=True)]

    etag = faulty.put_if(key, b"mine", None)

    head = faulty.head(key)
    assert head is not None
    assert etag == head.etag
    assert faulty.put_if(key, b"other", None) is None


def test_a_server_without_conditions_is_refused(
    faulty: Bucket, proxy: FaultProxy, target: ParquetTarget
) -> None:
    proxy.faults = [Fault(puts, 1, answer=(501, "NotImplemented"))]

    with pytest.raises(DestinationRefused, match="If-None-Match") as refused:
        faulty.put_if(f"{target.prefix}x", b"", None)

    assert refused.value.reason == "ConditionalPutMissing"


def test_a_conditional_delete_leaves_what_was_written_since(
    shared_bucket: Bucket, target: ParquetTarget
) -> None:
    key = f"{target.prefix}x.json"
    first = shared_bucket.put_if(key, b"1", None)
    second = shared_bucket.put_if(key, b"2", first)

    shared_bucket.delete(key, first)
    assert shared_bucket.head(key) is not None
    for _ in range(2):
        shared_bucket.delete(key, second)
        assert shared_bucket.head(key) is None


def test_a_server_that_deletes_without_conditions_only_deletes_all_the_same(
    faulty: Bucket, proxy: FaultProxy, target: ParquetTarget
) -> None:
    key = f"{target.prefix}x.json"
    etag = faulty.put_if(key, b"1", None)
    proxy.faults = [Fault(lambda method, path: method == "DELETE", 1, (501, "NotImplemented"))]

    faulty.delete(key, etag)

    assert faulty.head(key) is None


def test_listings_go_over_pages(
    shared_bucket: Bucket, target: ParquetTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = shared_bucket._connection.client
    keys = [f"{target.prefix}{n}" for n in range(5)]
    for key in keys:
        shared_bucket.put(key, b"")
    whole = s3.list_objects_v2
    monkeypatch.setattr(s3, "list_objects_v2", lambda **given: whole(MaxKeys=2, **given))

    assert [found.key for found in shared_bucket.list(target.prefix)] == keys


def test_pieces_of_an_upload_that_is_gone_say_so(
    shared_bucket: Bucket, target: ParquetTarget
) -> None:
    key = f"{target.prefix}part"
    upload = shared_bucket.begin_upload(key, "text/plain", {})
    etag = shared_bucket.upload_piece(key, upload, 1, b"x")
    shared_bucket.abort_upload(key, upload)
    shared_bucket.abort_upload(key, upload)

    with pytest.raises(UploadGone):
        shared_bucket.upload_piece(key, upload, 2, b"x")
    with pytest.raises(UploadGone):
        shared_bucket.complete_upload(key, upload, [etag])


def _race(write: Callable[[int], str | None]) -> list[str]:
    """The ETags of those that won."""
    barrier = threading.Barrier(8)
    won: list[str] = []

    def contend(n: int) -> None:
        barrier.wait()
        etag = write(n)
        if etag is not None:
            won.append(etag)

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


def test_a_range_of_an_object_is_read(shared_bucket: Bucket, target: ParquetTarget) -> None:
    key = f"{target.prefix}ten"
    shared_bucket.put(key, b"0123456789")

    assert shared_bucket.read_range(key, 2, 5) == b"234"
    assert shared_bucket.read_range(key, 8, 20) == b"89"
    assert shared_bucket.read_range(key, 10, 20) == b""
    assert shared_bucket.read_range(f"{key}-not", 0, 1) is None
