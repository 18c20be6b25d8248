"""The pools in a bucket's ledger, by the hash of what they are made of."""

from __future__ import annotations

from rowmill.destinations.lake.ledger.records import LedgerObjects


class BucketPools:
    """The `Pools` of a ledger in a bucket."""

    def __init__(self, objects: LedgerObjects) -> None:
        self._objects = objects

    def find(self, digest: str) -> bytes | None:
        stored = self._objects.bucket.read(self._objects.pool_key(digest))
        return None if stored is None else stored.body

    def store(self, digest: str, content: bytes) -> None:
        # Whoever writes it writes the same.
        self._objects.bucket.put(
            self._objects.pool_key(digest), content, "application/octet-stream"
        )
