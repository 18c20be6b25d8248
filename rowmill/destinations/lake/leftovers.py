"""Clear away what runs leave in a bucket: older runs' objects and records, unfinished uploads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rowmill.destinations.lake import target as lake_target
from rowmill.destinations.lake.object_names import (
    record_key,
    records_folder,
    run_of,
    run_of_record,
    table_folder,
)
from rowmill.destinations.lake.records import PublishedRecord, read_record
from rowmill.destinations.lake.target import PARALLEL
from rowmill.destinations.s3.bucket import Bucket


def stored_record(bucket: Bucket, prefix: str, run_id: str) -> PublishedRecord | None:
    """The record of a published run, or None."""
    key = record_key(prefix, run_id)
    stored = bucket.read(key)
    return None if stored is None else read_record(stored.body, bucket.url(key))


@dataclass(frozen=True)
class Forgotten:
    """Ids of runs whose records are deleted, and how many objects of theirs were there."""

    runs: tuple[str, ...]
    objects: int


class Leftovers:
    """What is under a prefix and no reader is to see. All of it can be called again."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    def forget(self, owners: Collection[str], keep: PublishedRecord | None) -> Forgotten:
        """Delete the data of the owners' other published runs, then their records."""
        kept = keep.keys() if keep else frozenset()
        runs, objects = [], 0
        for key, record in self.records(owners):
            if keep and record.run == keep.run:
                continue
            # Only what is there, so that what is told of it is true.
            there = {
                listed.key
                for table in record.plan.by_name
                for listed in self._bucket.list(table_folder(self._prefix, table))
            }
            objects += self._delete((record.keys() - kept) & there)
            objects += self.delete_occupants(record.plan.by_name, kept, owners, strangers=False)
            self._bucket.delete(key)
            runs.append(record.run)
        return Forgotten(tuple(runs), objects)

    def records(self, owners: Collection[str]) -> Iterator[tuple[str, PublishedRecord]]:
        """Keys and records of the owners' published runs."""
        for found in list(self._bucket.list(f"{records_folder(self._prefix)}run-")):
            run_id = run_of_record(self._prefix, found.key)
            record = stored_record(self._bucket, self._prefix, run_id) if run_id else None
            if record is not None and record.owner in owners:
                yield found.key, record

    def delete_occupants(
        self,
        tables: Iterable[str],
        keep: Collection[str],
        owners: Collection[str],
        *,
        strangers: bool,
    ) -> int:
        """Delete the owners' other objects in the tables' folders; `strangers` are nobody's.

        Returns:
            How many there were.
        """
        found = lake_target.occupants(self._bucket, self._prefix, tables, keep)
        return self._delete(
            occupant.key
            for occupant in found
            if occupant.owner in owners or (occupant.owner is None and strangers)
        )

    def abort_uploads(self, runs: Collection[str]) -> int:
        """Abort every unfinished upload of the runs; returns how many there were."""
        # Until no new one is found: the later pages of some servers' listings leave uploads out,
        # and others go on to list for a while what was aborted.
        done: set[tuple[str, str]] = set()
        while uploads := self._uploads_of(runs) - done:
            with ThreadPoolExecutor(PARALLEL) as pool:
                list(pool.map(lambda upload: self._bucket.abort_upload(*upload), uploads))
            done |= uploads
        return len(done)

    def _uploads_of(self, runs: Collection[str]) -> set[tuple[str, str]]:
        """Key and id of the runs' unfinished uploads that a listing shows."""
        found = self._bucket.uploads(self._prefix)
        return {upload for upload in found if run_of(upload[0]) in runs}

    def _delete(self, keys: Iterable[str]) -> int:
        # One by one: the request for many wants a checksum that not every server takes.
        with ThreadPoolExecutor(PARALLEL) as pool:
            return len(list(pool.map(self._bucket.delete, keys)))
