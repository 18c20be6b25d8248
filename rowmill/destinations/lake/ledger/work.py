"""The work in a bucket's ledger: which parts of a run are durable."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rowmill.destinations.errors import Fenced
from rowmill.destinations.lake.ledger.records import LedgerObjects, to_bytes
from rowmill.destinations.lake.records import read_json
from rowmill.destinations.ledger import PendingPart, RunRecords
from rowmill.plan.runs import RunState


class BucketWork:
    """The `Work` of a ledger in a bucket.

    Objects cannot be fenced as transactions can: a stale worker may still record a part in the
    moment in which its run ends. That does no harm, since only publishing completes an upload.
    """

    def __init__(self, objects: LedgerObjects, runs: RunRecords) -> None:
        self._objects = objects
        self._runs = runs

    def done_batches(self, run_id: str) -> dict[str, list[tuple[int, int]]]:
        return {}

    def settled_batches(self, run_id: str) -> dict[str, list[tuple[int, int]]]:
        return {}

    def pending_parts(self, run_id: str) -> dict[tuple[str, int], PendingPart]:
        keys = self._objects.keys(self._objects.parts_folder(run_id))
        single = self._objects.load_all(keys, _part)
        # Read last: what another folds away meanwhile is in it before it is gone as a single.
        folded = self._objects.load(
            self._objects.folded_key(run_id), lambda data: list(map(_part, data))
        )
        return {(part.table, part.number): part for part in [*(folded or []), *single.values()]}

    def record_part(self, run_id: str, part: PendingPart) -> bool:
        run = self._runs.find(run_id)
        if run is None or run.state is not RunState.RUNNING:
            state = "is not in the ledger any more" if run is None else f"is {run.state.value}"
            raise Fenced(f"run {run_id} {state}, not RUNNING: nothing was written")
        key = self._objects.part_key(run_id, part.table, part.number)
        body, bucket = to_bytes(asdict(part)), self._objects.bucket
        if bucket.put_if(key, body, None) is not None:
            return True
        there = bucket.read(key)
        if there is None or read_json(there.body, bucket.url(key), _part).rows == part.rows:
            return False
        return bucket.put_if(key, body, there.etag) is not None

    def replace_part(self, run_id: str, part: PendingPart) -> None:
        key = self._objects.part_key(run_id, part.table, part.number)
        self._objects.bucket.put(key, to_bytes(asdict(part)))

    def forget(self, run_id: str) -> None:
        single = self._objects.keys(self._objects.parts_folder(run_id))
        self._objects.delete_all([*single, self._objects.folded_key(run_id)])

    def collapse(self, run_id: str) -> None:
        """Fold the records of the parts into one object, which a reader gets at once."""
        keys = self._objects.keys(self._objects.parts_folder(run_id))
        if not keys:
            return
        parts = self.pending_parts(run_id)
        folded = [asdict(parts[place]) for place in sorted(parts)]
        self._objects.bucket.put(self._objects.folded_key(run_id), to_bytes(folded))
        self._objects.delete_all(keys)


def _part(data: Any) -> PendingPart:
    return PendingPart(**{**data, "etags": tuple(data["etags"])})
