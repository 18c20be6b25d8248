"""A lock in a bucket: a lease object, refreshed while its holder lives, that lapses with it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, process_here
from rowmill.destinations.patience import PATIENCE_SECONDS
from rowmill.destinations.s3.bucket import Bucket, Stored

LEASE_SECONDS = 30.0
# Three tries fit into a lease.
_REFRESH_SECONDS = 10.0
# After a try that failed: a server that comes back is to know at once that the holder lives.
_RETRY_SECONDS = 1.0
# Nobody waits at the end of a run for a server that is gone; the lease lapses by itself.
_BRIEF_PATIENCE = 5.0
_POLL_SECONDS = 0.5
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Holder:
    """Who holds a lease. `host` tells process ids apart that could be equal, `born` their reuse."""

    mark: str
    host: str
    name: str
    pid: int
    born: float
    since: str
    released: bool

    def is_dead(self) -> bool:
        """Whether it is known to be gone; only a process of this very host can be known to be."""
        return self.host == _host() and not self._is_here()

    def is_alive(self) -> bool:
        """Whether it is known to live, as a process of this very host can be known to."""
        return self.host == _host() and self._is_here()

    def _is_here(self) -> bool:
        try:
            return abs(psutil.Process(self.pid).create_time() - self.born) <= 1
        except psutil.NoSuchProcess:
            return False


class LeaseTaken(Exception):
    """Somebody else holds it: `here`, on this host, or not.

    `lapses` is in how many seconds the lease would, should he be dead.
    """

    def __init__(self, holder: Holder | None, lapses: float) -> None:
        self.holder = holder
        self.lapses = max(0.0, lapses)
        self.here = holder is not None and holder.host == _host()
        super().__init__(_who(holder, self.here))


def _who(holder: Holder | None, here: bool) -> str:
    if holder is None:
        return "another process"
    if here:
        return process_here(str(holder.pid), f", since {holder.since}")
    return f"process {holder.pid} on {holder.name} since {holder.since}"


class Lease:
    """A held lease, refreshed by a thread of its own until `release`."""

    def __init__(self, bucket: Bucket, key: str, holder: Holder, etag: str) -> None:
        self._bucket = bucket.hurried(_BRIEF_PATIENCE)
        self._key = key
        self._holder = holder
        self._etag = etag
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="rowmill-lease", daemon=True)
        self._thread.start()

    def lost(self) -> bool:
        """Whether somebody else took it, which takes a holder that slept longer than the lease.

        Not while the server is out of reach: then nobody else can take it either.
        """
        return self._lost.is_set()

    def release(self, *, delete: bool = False) -> None:
        """Give it up; with `delete` leave no object behind."""
        self._ended.set()
        self._thread.join()
        # Out of reach or refused: it lapses by itself.
        with contextlib.suppress(DestinationUnavailable, DestinationRefused):
            if not self.lost() and self._put(_body(self._holder, released=True)) and delete:
                self._bucket.delete(self._key)

    def _refresh(self) -> None:
        pause = _REFRESH_SECONDS
        while not self._ended.wait(pause):
            try:
                if not self._put(_body(self._holder)):
                    self._lost.set()
                    return
            except (DestinationUnavailable, DestinationRefused):
                pause = _RETRY_SECONDS
            else:
                pause = _REFRESH_SECONDS

    def _put(self, body: bytes) -> bool:
        etag = self._bucket.put_if(self._key, body, self._etag)
        if etag is None:
            return False
        self._etag = etag
        return True


def take(bucket: Bucket, key: str) -> Lease:
    """Take a lease at once.

    Raises:
        LeaseTaken: another holds it, and is not known to be dead.
    """
    stored = bucket.read(key)
    holder = _live_holder(stored)
    if stored is not None and holder is not None:
        raise LeaseTaken(holder, _lapses(stored))
    mine = _me()
    etag = bucket.put_if(key, _body(mine), stored.etag if stored else None)
    if etag is None:
        raise LeaseTaken(None, LEASE_SECONDS)
    return Lease(bucket, key, mine, etag)


def is_held(bucket: Bucket, key: str) -> bool:
    """Whether somebody who is not known to be dead holds the lease; takes nothing.

    Also one who is known to live, and could not refresh it while the server was away; for as long
    as a run waits for a server. A program may live on for days after its run had to give up.
    """
    stored = bucket.read(key)
    holder = None if stored is None else _holder(stored)
    if stored is None or holder is None or holder.released:
        return False
    if holder.is_alive():
        return _lapses(stored) > -PATIENCE_SECONDS
    return _live_holder(stored) is not None


@contextlib.contextmanager
def waiting_for(bucket: Bucket, key: str) -> Iterator[Lease]:
    """Take a lease as soon as its holder gives it up or dies, and hold it in the block."""
    lease = _awaited(bucket, key)
    try:
        yield lease
    finally:
        lease.release()


def _awaited(bucket: Bucket, key: str) -> Lease:
    while True:
        try:
            return take(bucket, key)
        except LeaseTaken:
            time.sleep(_POLL_SECONDS * random.uniform(0.5, 1.5))


def _holder(stored: Stored) -> Holder | None:
    try:
        return Holder(**json.loads(stored.body))
    except (ValueError, TypeError):
        return None


def _live_holder(stored: Stored | None) -> Holder | None:
    holder = None if stored is None else _holder(stored)
    if stored is None or holder is None or holder.released or holder.is_dead():
        return None
    return holder if _lapses(stored) > 0 else None


def _lapses(stored: Stored) -> float:
    # Both times are the server's, so this machine's clock does not matter.
    return LEASE_SECONDS - (stored.seen - stored.modified).total_seconds()


def _me() -> Holder:
    return Holder(
        mark=uuid.uuid4().hex,
        host=_host(),
        name=socket.gethostname(),
        pid=os.getpid(),
        born=psutil.Process().create_time(),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        released=False,
    )


def _host() -> str:
    """This host as its processes see it: name, boot, and the namespace that process ids are of."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(_BOOT.read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "/".join(parts)


def _body(holder: Holder, *, released: bool = False) -> bytes:
    return json.dumps({**asdict(holder), "released": released}).encode()
