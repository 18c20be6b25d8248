from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest

from rowmill.destinations.errors import DestinationUnavailable
from rowmill.destinations.patience import PATIENCE_SECONDS
from rowmill.destinations.s3 import lease as bucket_lease
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.lease import Holder, LeaseTaken, is_held, take, waiting_for
from rowmill.spec.dataset import ParquetTarget


@pytest.fixture
def key(target: ParquetTarget) -> str:
    return f"{target.prefix}lease.json"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases of a few seconds, so that a test can see one lapse."""
    monkeypatch.setattr(bucket_lease, "LEASE_SECONDS", 4.0)
    monkeypatch.setattr(bucket_lease, "_REFRESH_SECONDS", 0.2)


def test_a_lease_is_held_by_one_and_given_up(shared_bucket: Bucket, key: str) -> None:
    lease = take(shared_bucket, key)
    with pytest.raises(LeaseTaken, match=rf"this process \(pid {os.getpid()}, since") as taken:
        take(shared_bucket, key)
    assert 0 < taken.value.lapses <= bucket_lease.LEASE_SECONDS
    lease.release()

    again = take(shared_bucket, key)
    again.release(delete=True)
    assert shared_bucket.head(key) is None


@pytest.mark.usefixtures("quick")
def test_a_refreshed_lease_outlives_its_time(shared_bucket: Bucket, key: str) -> None:
    lease = take(shared_bucket, key)
    taken = _modified(shared_bucket, key)
    while _modified(shared_bucket, key) - taken < timedelta(seconds=5):
        time.sleep(0.1)

    with pytest.raises(LeaseTaken):
        take(shared_bucket, key)
    assert not lease.lost()
    lease.release()


@pytest.mark.usefixtures("quick")
def test_a_lease_of_a_machine_that_is_gone_lapses(shared_bucket: Bucket, key: str) -> None:
    _leave(shared_bucket, key, lambda holder: replace(holder, host="elsewhere", name="elsewhere"))
    with pytest.raises(LeaseTaken, match="on elsewhere"):
        take(shared_bucket, key)

    with waiting_for(shared_bucket, key):
        stored = shared_bucket.read(key)
    assert stored is not None
    assert json.loads(stored.body)["pid"] == os.getpid()


@pytest.mark.parametrize("change", [{"pid": 2**22 + 1}, {"born": 1.0}], ids=["gone", "reused"])
def test_a_dead_process_of_this_host_is_known_to_be_dead(
    shared_bucket: Bucket, key: str, change: dict[str, float]
) -> None:
    _leave(shared_bucket, key, lambda holder: Holder(**{**asdict(holder), **change}))

    take(shared_bucket, key).release()


@pytest.mark.usefixtures("quick")
def test_a_holder_that_slept_too_long_knows_that_it_lost(shared_bucket: Bucket, key: str) -> None:
    lease = take(shared_bucket, key)
    # Another takes it over, as if this process had been frozen beyond the lease.
    _leave(shared_bucket, key, lambda holder: replace(holder, mark="another"))

    deadline = time.monotonic() + 30
    while not lease.lost() and time.monotonic() < deadline:
        time.sleep(0.05)

    assert lease.lost()
    lease.release(delete=True)
    assert shared_bucket.head(key) is not None


def test_a_lease_that_lapsed_while_the_server_was_away_is_still_that_of_a_process_that_lives(
    shared_bucket: Bucket, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_lease, "LEASE_SECONDS", 0.0)
    _leave(shared_bucket, key, lambda holder: holder)
    assert is_held(shared_bucket, key)
    _leave(shared_bucket, key, lambda holder: replace(holder, released=True))
    assert not is_held(shared_bucket, key)
    _leave(shared_bucket, key, lambda holder: replace(holder, host="elsewhere"))
    assert not is_held(shared_bucket, key)
    _leave(shared_bucket, key, lambda holder: replace(holder, born=1.0))
    assert not is_held(shared_bucket, key)


def test_a_lease_that_a_run_could_not_release_is_not_held_for_as_long_as_its_program_lives(
    shared_bucket: Bucket, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _leave(shared_bucket, key, lambda holder: holder)
    monkeypatch.setattr(bucket_lease, "LEASE_SECONDS", 10 - PATIENCE_SECONDS)
    assert is_held(shared_bucket, key)
    monkeypatch.setattr(bucket_lease, "LEASE_SECONDS", -PATIENCE_SECONDS)
    assert not is_held(shared_bucket, key)


def test_a_refresh_that_failed_is_tried_again_soon(
    shared_bucket: Bucket, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = threading.Event()

    def put_if(self: Bucket, key: str, body: bytes, etag: str | None) -> str | None:
        if bucket_lease._REFRESH_SECONDS < 1:
            monkeypatch.setattr(bucket_lease, "_REFRESH_SECONDS", 3600.0)
            raise DestinationUnavailable("it is away")
        again.set()
        return etag

    monkeypatch.setattr(bucket_lease, "_REFRESH_SECONDS", 0.01)
    lease = take(shared_bucket, key)
    monkeypatch.setattr(Bucket, "put_if", put_if)
    assert again.wait(10)
    lease.release()


def test_a_spoilt_lease_is_no_claim(shared_bucket: Bucket, key: str) -> None:
    shared_bucket.put(key, b"???")

    take(shared_bucket, key).release()


def test_a_killed_holder_frees_its_host_at_once(
    shared_bucket: Bucket, key: str, keys: dict[str, str]
) -> None:
    script = (
        "import os, sys; from rowmill.destinations.s3.bucket import Bucket;"
        "from rowmill.destinations.s3.client import S3Address;"
        "from rowmill.destinations.s3.lease import take;"
        f"lease = take(Bucket(S3Address(lambda: os.environ), {shared_bucket.name!r}), {key!r});"
        "print('held', flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, **keys, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(LeaseTaken, match=f"pid {process.pid},"):
            take(shared_bucket, key)
        process.send_signal(signal.SIGKILL)
        process.wait()

    take(shared_bucket, key).release()


def _modified(bucket: Bucket, key: str) -> datetime:
    stored = bucket.read(key)
    assert stored is not None
    return stored.modified


def _leave(bucket: Bucket, key: str, change: Callable[[Holder], Holder]) -> None:
    """A lease that somebody took and does not refresh."""
    bucket.put(key, json.dumps(asdict(change(bucket_lease._me()))).encode())
