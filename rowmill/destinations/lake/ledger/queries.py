"""Queries that are kept by name, in a bucket's ledger: an object of the experiment's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rowmill.destinations.lake.ledger.records import LedgerObjects, to_bytes
from rowmill.destinations.lake.ledger.run_records import BucketRunRecords
from rowmill.destinations.lake.records import read_json
from rowmill.engine.saved_queries import SavedQuery

_Named = dict[str, SavedQuery]


class BucketQueries:
    """The `SavedQueries` of a ledger in a bucket."""

    def __init__(self, objects: LedgerObjects, runs: BucketRunRecords) -> None:
        self._objects = objects
        self._runs = runs

    def of(self, owner: str) -> list[SavedQuery]:
        found, _ = self._read(owner)
        return [found[name] for name in sorted(found)]

    def save(self, owner: str, name: str, sql: str) -> SavedQuery | None:
        while self._runs.uid(owner) is not None:
            found, etag = self._read(owner)
            saved = SavedQuery(name, sql, datetime.now(UTC))
            if self._write(owner, {**found, name: saved}, etag):
                return saved
        return None

    def forget(self, owner: str, name: str) -> bool:
        while True:
            found, etag = self._read(owner)
            if name not in found:
                return False
            left = {each: query for each, query in found.items() if each != name}
            if self._write(owner, left, etag):
                return True

    def _read(self, owner: str) -> tuple[_Named, str | None]:
        """What is kept, and the ETag of its object; None if there is none."""
        key = self._objects.queries_key(owner)
        stored = self._objects.bucket.read(key)
        if stored is None:
            return {}, None
        return read_json(stored.body, self._objects.bucket.url(key), _parsed), stored.etag

    def _write(self, owner: str, queries: _Named, etag: str | None) -> bool:
        """False if the object is not the one with this ETag any more."""
        body = to_bytes({"queries": [query.to_json() for query in queries.values()]})
        key = self._objects.queries_key(owner)
        return self._objects.bucket.put_if(key, body, etag) is not None


def _parsed(data: Mapping[str, Any]) -> _Named:
    queries = map(SavedQuery.from_json, data["queries"])
    return {query.name: query for query in queries}
