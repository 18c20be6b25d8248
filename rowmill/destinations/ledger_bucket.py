"""The ledger of an experiment without Postgres: objects under `PREFIX/_rowmill/ledger/`.

What the transactions of Postgres decide, conditional PUTs decide here: who makes a run, who moves
its state, who records a part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from rowmill.destinations import bucket_lease
from rowmill.destinations.bucket import Bucket
from rowmill.destinations.bucket_lease import Lease, LeaseTaken
from rowmill.destinations.errors import DestinationRefused, Fenced, live_run
from rowmill.destinations.lake_records import read_json
from rowmill.destinations.lake_target import PARALLEL, ensure_bucket
from rowmill.destinations.ledger import LAKE_PLACE, PendingPart
from rowmill.destinations.object_names import records_folder
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3_client import S3Address
from rowmill.plan.layout import Plan
from rowmill.plan.runs import UNFINISHED, Run, RunState
from rowmill.spec.dataset import ParquetTarget

T = TypeVar("T")

_ENDED = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.ABORTED})


class BucketLedger:
    """The `Ledger` of an experiment that writes to a bucket alone. Threads may share it.

    Objects cannot be fenced as transactions can: a stale worker may still record a part in the
    moment in which its run ends. That does no harm, since only publishing completes an upload.
    """

    def __init__(
        self,
        address: S3Address,
        target: ParquetTarget,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._target = target
        self._connect = partial(Bucket, address, target.bucket, patience=patience)
        self._root = f"{records_folder(target.prefix)}ledger/"
        self._keys: dict[str, str] = {}
        self._forgotten: set[str] = set()

    def ensure(self) -> None:
        ensure_bucket(self._bucket, make=self._target.embedded)

    def found(self) -> bool:
        return self._bucket.exists()

    @contextmanager
    def hold_experiment(self, owner: str) -> Iterator[Lease]:
        try:
            lease = bucket_lease.take(self._bucket, self._hold_key(owner))
        except LeaseTaken as taken:
            said = live_run(owner, str(taken), here=taken.here)
            gone = f"; if that machine is gone, its claim lapses in {taken.lapses:.0f} s"
            raise DestinationRefused(
                "LiveRunElsewhere", said if taken.here else said + gone
            ) from None
        try:
            yield lease
        finally:
            lease.release(delete=owner in self._forgotten)

    def is_held(self, owner: str) -> bool:
        return bucket_lease.is_held(self._bucket, self._hold_key(owner))

    @contextmanager
    def preparing(self, owner: str) -> Iterator[None]:
        with bucket_lease.waiting_for(self._bucket, self._prepare_key(owner)):
            yield

    def uid(self, owner: str) -> str | None:
        return self._load(self._experiment_key(owner), lambda data: str(data["uid"]))

    def uids(self, owner: str) -> frozenset[str]:
        folder = f"{self._folder(owner)}runs/"
        names = {key.removeprefix(folder).partition("/")[0] for key in self._list(folder)}
        return frozenset(map(unquote, names))

    def claim(self, owner: str, uid: str) -> None:
        if self.uid(owner) != uid:
            self._bucket.put(self._experiment_key(owner), _json({"owner": owner, "uid": uid}))

    def owners(self) -> list[str]:
        keys = [key for key in self._list(self._root) if key.endswith("/experiment.json")]
        return sorted(self._load_all(keys, lambda data: str(data["owner"])).values())

    def runs(self, owner: str) -> list[Run]:
        uid = self.uid(owner)
        if uid is None:
            return []
        found = self._load_all(self._list(self._runs_folder(owner, uid)), _run)
        return sorted(found.values(), key=lambda run: run.number)

    def run(self, run_id: str) -> Run | None:
        found = self._find(run_id)
        return None if found is None else found[0]

    def live_writer(self, place: str, owner: str) -> str | None:
        for other in self.owners():
            if other != owner and any(
                run.state in UNFINISHED and run.summary.get(LAKE_PLACE) == place
                for run in self.runs(other)
            ):
                return other
        return None

    def create_run(self, run: Run) -> Run:
        key = f"{self._runs_folder(run.owner, run.uid)}{run.number:08d}.json"
        if self._bucket.put_if(key, _json(_plain(run)), None) is None:
            taken = self._load(key, _run)
            if taken is None:
                return self.create_run(run)
            run = taken
        self._keys[run.id] = key
        return run

    def transition(
        self,
        run_id: str,
        expected: frozenset[RunState],
        to: RunState,
        *,
        message: str = "",
        summary: dict[str, Any] | None = None,
    ) -> bool:
        while (found := self._find(run_id)) is not None:
            run, etag = found
            if run.state not in expected:
                return False
            moved = replace(
                run,
                state=to,
                message=message,
                summary={**run.summary, **(summary or {})},
                finished_at=_finished(run, to),
            )
            if self._bucket.put_if(self._keys[run_id], _json(_plain(moved)), etag) is not None:
                return True
        return False

    def note(self, run_id: str, facts: dict[str, Any]) -> None:
        while (found := self._find(run_id)) is not None:
            run, etag = found
            noted = replace(run, summary={**run.summary, **facts})
            if self._bucket.put_if(self._keys[run_id], _json(_plain(noted)), etag) is not None:
                return

    def done_batches(self, run_id: str) -> dict[str, list[tuple[int, int]]]:
        return {}

    def pending_parts(self, run_id: str) -> dict[tuple[str, int], PendingPart]:
        single = self._load_all(self._list(self._parts_folder(run_id)), _part)
        # Read last: what another folds away meanwhile is in it before it is gone as a single.
        folded = self._load(self._folded_key(run_id), lambda data: list(map(_part, data)))
        return {(part.table, part.number): part for part in [*(folded or []), *single.values()]}

    def record_part(self, run_id: str, part: PendingPart) -> bool:
        run = self.run(run_id)
        if run is None or run.state is not RunState.RUNNING:
            state = "is not in the ledger any more" if run is None else f"is {run.state.value}"
            raise Fenced(f"run {run_id} {state}, not RUNNING: nothing was written")
        key = self._part_key(run_id, part.table, part.number)
        return self._bucket.put_if(key, _json(asdict(part)), None) is not None

    def replace_part(self, run_id: str, part: PendingPart) -> None:
        self._bucket.put(self._part_key(run_id, part.table, part.number), _json(asdict(part)))

    def forget_work(self, run_id: str) -> None:
        self._delete_all([*self._list(self._parts_folder(run_id)), self._folded_key(run_id)])

    def pool(self, digest: str) -> bytes | None:
        stored = self._bucket.read(self._pool_key(digest))
        return None if stored is None else stored.body

    def store_pool(self, digest: str, content: bytes) -> None:
        # Whoever writes it writes the same.
        self._bucket.put(self._pool_key(digest), content, "application/octet-stream")

    def collapse(self, run_id: str) -> None:
        """Fold the records of the parts into one object, which a reader gets at once."""
        keys = self._list(self._parts_folder(run_id))
        if not keys:
            return
        parts = self.pending_parts(run_id)
        folded = [asdict(parts[place]) for place in sorted(parts)]
        self._bucket.put(self._folded_key(run_id), _json(folded))
        self._delete_all(keys)

    def forget_experiment(self, owner: str) -> None:
        keys = [key for key in self._list(self._folder(owner)) if _is_run(key)]
        records = self._load_all(keys, _run)
        for run in records.values():
            self._delete_all(self._list(self._parts_folder(run.id)))
            self._bucket.delete(self._folded_key(run.id))
            self._keys.pop(run.id, None)
        # After what they lead to: whatever a crash leaves, a second `delete` finds.
        self._delete_all([*records, self._experiment_key(owner), self._prepare_key(owner)])
        if not self.owners():
            self._delete_all(self._list(f"{self._root}pools/"))
        self._forgotten.add(owner)

    def close(self) -> None:
        if "_bucket" in self.__dict__:
            self._bucket.close()

    @cached_property
    def _bucket(self) -> Bucket:
        return self._connect()

    def _find(self, run_id: str) -> tuple[Run, str] | None:
        """A run and its object's ETag; its key is looked for once."""
        if run_id not in self._keys:
            runs = self._load_all([key for key in self._list(self._root) if _is_run(key)], _run)
            self._keys |= {run.id: key for key, run in runs.items()}
        key_of = self._keys.get(run_id)
        stored = self._bucket.read(key_of) if key_of else None
        if stored is None or key_of is None:
            return None
        return read_json(stored.body, self._bucket.url(key_of), _run), stored.etag

    def _folder(self, owner: str) -> str:
        # An owner's name may be longer, and of other characters, than a key bears.
        return f"{self._root}experiments/{sha256(owner.encode()).hexdigest()[:24]}/"

    def _experiment_key(self, owner: str) -> str:
        return f"{self._folder(owner)}experiment.json"

    def _hold_key(self, owner: str) -> str:
        return f"{self._folder(owner)}hold.json"

    def _prepare_key(self, owner: str) -> str:
        return f"{self._folder(owner)}prepare.json"

    def _runs_folder(self, owner: str, uid: str) -> str:
        return f"{self._folder(owner)}runs/{quote(uid, safe='')}/"

    def _parts_folder(self, run_id: str) -> str:
        return f"{self._root}parts/{run_id}/"

    def _folded_key(self, run_id: str) -> str:
        return f"{self._root}parts/{run_id}.json"

    def _part_key(self, run_id: str, table: str, number: int) -> str:
        return f"{self._parts_folder(run_id)}{number:05d}-{sha256(table.encode()).hexdigest()}.json"

    def _pool_key(self, digest: str) -> str:
        return f"{self._root}pools/{quote(digest, safe='')}"

    def _list(self, prefix: str) -> list[str]:
        return [found.key for found in self._bucket.list(prefix)]

    def _load(self, key: str, make: Callable[[Any], T]) -> T | None:
        stored = self._bucket.read(key)
        return None if stored is None else read_json(stored.body, self._bucket.url(key), make)

    def _load_all(self, keys: list[str], make: Callable[[Any], T]) -> dict[str, T]:
        """What is in the objects that are there, by key."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            loaded = pool.map(lambda key: self._load(key, make), keys)
            found = zip(keys, loaded, strict=True)
            return {key: value for key, value in found if value is not None}

    def _delete_all(self, keys: list[str]) -> None:
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(self._bucket.delete, keys))


def _finished(run: Run, to: RunState) -> datetime | None:
    if to is RunState.RESET:
        return run.finished_at
    return run.finished_at or datetime.now(UTC) if to in _ENDED else None


def _is_run(key: str) -> bool:
    return key.rpartition("/")[0].rpartition("/")[0].endswith("/runs")


def _plain(run: Run) -> dict[str, Any]:
    return {
        **{name: getattr(run, name) for name in ("id", "owner", "uid", "number", "message")},
        "state": run.state.value,
        "plan": run.plan.to_json(),
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "summary": run.summary,
    }


def _part(data: Any) -> PendingPart:
    return PendingPart(**{**data, "etags": tuple(data["etags"])})


def _run(data: Any) -> Run:
    ended = data["finished_at"]
    return Run(
        **{name: data[name] for name in ("id", "owner", "uid", "number", "message", "summary")},
        state=RunState(data["state"]),
        plan=Plan.from_json(data["plan"]),
        started_at=datetime.fromisoformat(data["started_at"]),
        finished_at=datetime.fromisoformat(ended) if ended else None,
    )


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()
