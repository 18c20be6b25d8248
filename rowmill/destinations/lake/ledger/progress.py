"""How far runs are, in a bucket's ledger: an object that each supervisor writes over and over."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.lake.ledger.records import LedgerObjects, to_bytes
from rowmill.destinations.lake.records import read_json
from rowmill.destinations.ledger import StoredProgress
from rowmill.destinations.s3.bucket import Bucket

# Less than until the next write.
_BRIEF_PATIENCE = 2.0


class BucketProgress:
    """The `RunProgress` of a ledger in a bucket; times there are told to a whole second."""

    write_seconds = 5.0
    fresh_seconds = 10.0

    def __init__(self, objects: LedgerObjects) -> None:
        self._objects = objects

    @cached_property
    def _bucket(self) -> Bucket:
        return self._objects.bucket.hurried(_BRIEF_PATIENCE)

    def write(self, run_id: str, body: dict[str, Any]) -> None:
        with suppress(DestinationRefused, DestinationUnavailable):
            self._bucket.put(self._objects.progress_key(run_id), to_bytes(body))

    def read(self, run_id: str) -> StoredProgress | None:
        key = self._objects.progress_key(run_id)
        with suppress(DestinationRefused, DestinationUnavailable):
            stored = self._bucket.read(key)
            if stored is not None:
                body = read_json(stored.body, self._bucket.url(key), dict)
                age = (stored.seen - stored.modified).total_seconds()
                return StoredProgress(body, stored.modified, age)
        return None
