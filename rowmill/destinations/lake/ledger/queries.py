"""Queries that are kept by name, in a bucket's ledger: one object, of the experiment's uid.

An older client that deletes the experiment leaves the object: it is none of the next uid's.
"""

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
        uid = self._runs.uid(owner)
        if uid is None:
            return []
        found, _ = self._read(owner, uid)
        return [found[name] for name in sorted(found)]

    def save(self, owner: str, name: str, sql: str) -> SavedQuery | None:
        while (uid := self._runs.uid(owner)) is not None:
            found, etag = self._read(owner, uid)
            saved = SavedQuery(name, sql, datetime.now(UTC))
            if self._write(owner, uid, {**found, name: saved}, etag):
                return saved
        return None

    def forget(self, owner: str, name: str) -> bool:
        while (uid := self._runs.uid(owner)) is not None:
            found, etag = self._read(owner, uid)
            if name not in found:
                return False
            left = {each: query for each, query in found.items() if each != name}
            if self._write(owner, uid, left, etag):
                return True
        return False

    def _read(self, owner: str, uid: str) -> tuple[_Named, str | None]:
        """What is kept of the uid, and the ETag of the object that is there, of whatever uid."""
        key = self._objects.queries_key(owner)
        stored = self._objects.bucket.read(key)
        if stored is None:
            return {}, None
        of, found = read_json(stored.body, self._objects.bucket.url(key), _parsed)
        return found if of == uid else {}, stored.etag

    def _write(self, owner: str, uid: str, queries: _Named, etag: str | None) -> bool:
        """False if the object is not the one with this ETag any more."""
        body = to_bytes({"uid": uid, "queries": [query.to_json() for query in queries.values()]})
        key = self._objects.queries_key(owner)
        return self._objects.bucket.put_if(key, body, etag) is not None


def _parsed(data: Mapping[str, Any]) -> tuple[str, _Named]:
    queries = map(SavedQuery.from_json, data["queries"])
    return str(data["uid"]), {query.name: query for query in queries}
