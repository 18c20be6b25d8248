"""The locks of a bucket's ledger: who runs an experiment, who prepares it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rowmill.destinations.errors import LiveRun
from rowmill.destinations.lake.ledger.records import LedgerObjects
from rowmill.destinations.s3 import lease as bucket_lease
from rowmill.destinations.s3.lease import Lease, LeaseTaken


class BucketLocks:
    """The `Locks` of a ledger in a bucket: leases, which lapse."""

    def __init__(self, objects: LedgerObjects) -> None:
        self._objects = objects
        self._forgotten: set[str] = set()

    @contextmanager
    def hold_experiment(self, owner: str) -> Iterator[Lease]:
        try:
            lease = bucket_lease.take(self._objects.bucket, self._objects.hold_key(owner))
        except LeaseTaken as taken:
            gone = f"if that machine is gone, its claim lapses in {taken.lapses:.0f} s"
            raise LiveRun(
                owner, str(taken), here=taken.here, gone="" if taken.here else gone
            ) from None
        try:
            yield lease
        finally:
            lease.release(delete=owner in self._forgotten)

    def is_held(self, owner: str) -> bool:
        return bucket_lease.is_held(self._objects.bucket, self._objects.hold_key(owner))

    @contextmanager
    def preparing(self, owner: str) -> Iterator[None]:
        with bucket_lease.waiting_for(self._objects.bucket, self._objects.prepare_key(owner)):
            yield

    def forget(self, owner: str) -> None:
        """Of an experiment that is deleted, the lease goes with its release."""
        self._forgotten.add(owner)
