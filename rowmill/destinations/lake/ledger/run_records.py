"""The runs in a bucket's ledger, and the experiments whose runs they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from rowmill.destinations.lake.ledger.records import LedgerObjects, to_bytes
from rowmill.destinations.lake.records import read_json
from rowmill.destinations.ledger import LAKE_PLACE
from rowmill.destinations.retries import always
from rowmill.plan.layout import Plan
from rowmill.plan.runs import UNFINISHED, Run, RunState

_ENDED = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.ABORTED})


class BucketRunRecords:
    """The `RunRecords` of a ledger in a bucket."""

    def __init__(self, objects: LedgerObjects) -> None:
        self._objects = objects
        self._keys: dict[str, str] = {}

    def uid(self, owner: str) -> str | None:
        return self._objects.load(
            self._objects.experiment_key(owner), lambda data: str(data["uid"])
        )

    def uids(self, owner: str) -> frozenset[str]:
        folder = f"{self._objects.folder(owner)}runs/"
        names = {key.removeprefix(folder).partition("/")[0] for key in self._objects.keys(folder)}
        return frozenset(map(unquote, names))

    def claim(self, owner: str, uid: str) -> None:
        if self.uid(owner) != uid:
            claim = to_bytes({"owner": owner, "uid": uid})
            self._objects.bucket.put(self._objects.experiment_key(owner), claim)

    def owners(self) -> list[str]:
        keys = self._objects.keys(self._objects.root)
        experiments = [key for key in keys if key.endswith("/experiment.json")]
        owners = self._objects.load_all(experiments, lambda data: str(data["owner"]))
        return sorted(owners.values())

    def of(self, owner: str) -> list[Run]:
        uid = self.uid(owner)
        if uid is None:
            return []
        keys = self._objects.keys(self._objects.runs_folder(owner, uid))
        found = self._objects.load_all(keys, _run)
        self._keys |= {run.id: key for key, run in found.items()}
        return sorted(found.values(), key=lambda run: run.number)

    def of_each(self, owners: Collection[str], *, newest: bool = False) -> dict[str, list[Run]]:
        found = {owner: self.of(owner) for owner in owners}
        return {owner: runs[-1:] if newest else runs for owner, runs in found.items() if runs}

    def find(self, run_id: str) -> Run | None:
        found = self._read(run_id)
        return None if found is None else found[0]

    def live_writer(self, place: str, owner: str) -> str | None:
        for other in self.owners():
            if other != owner and any(
                run.state in UNFINISHED and run.summary.get(LAKE_PLACE) == place
                for run in self.of(other)
            ):
                return other
        return None

    def create(self, run: Run) -> Run:
        key = self._objects.run_key(run.owner, run.uid, run.number)
        if self._objects.bucket.put_if(key, to_bytes(_plain(run)), None) is None:
            taken = self._objects.load(key, _run)
            if taken is None:
                return self.create(run)
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
        wanted: Callable[[], bool] = always,
    ) -> bool:
        while (found := self._read(run_id)) is not None:
            run, etag = found
            if run.state not in expected or not wanted():
                return False
            moved = replace(
                run.at(to),
                message=message,
                summary={**run.at(to).summary, **(summary or {})},
                finished_at=_finished(run, to),
            )
            if self._replace(moved, etag):
                return True
        return False

    def note(self, run_id: str, facts: dict[str, Any]) -> None:
        while (found := self._read(run_id)) is not None:
            run, etag = found
            noted = replace(run, summary={**run.summary, **facts})
            if self._replace(noted, etag):
                return

    def records_of(self, owner: str) -> dict[str, Run]:
        """The runs of all uids of an owner, by the keys of their objects."""
        keys = [key for key in self._objects.keys(self._objects.folder(owner)) if _is_run(key)]
        return self._objects.load_all(keys, _run)

    def forget(self, run_ids: Iterable[str]) -> None:
        """Of runs whose objects are to go, keep no keys either."""
        for run_id in run_ids:
            self._keys.pop(run_id, None)

    def _read(self, run_id: str) -> tuple[Run, str] | None:
        """A run and its object's ETag; its key is looked for once."""
        if run_id not in self._keys:
            keys = [key for key in self._objects.keys(self._objects.root) if _is_run(key)]
            runs = self._objects.load_all(keys, _run)
            self._keys |= {run.id: key for key, run in runs.items()}
        key_of = self._keys.get(run_id)
        stored = self._objects.bucket.read(key_of) if key_of else None
        if stored is None or key_of is None:
            return None
        return read_json(stored.body, self._objects.bucket.url(key_of), _run), stored.etag

    def _replace(self, run: Run, etag: str) -> bool:
        """Write the run in place of the one with this ETag; False if that is not there any more."""
        written = self._objects.bucket.put_if(self._keys[run.id], to_bytes(_plain(run)), etag)
        return written is not None


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


def _run(data: Any) -> Run:
    ended = data["finished_at"]
    return Run(
        **{name: data[name] for name in ("id", "owner", "uid", "number", "message", "summary")},
        state=RunState(data["state"]),
        plan=Plan.from_json(data["plan"]),
        started_at=datetime.fromisoformat(data["started_at"]),
        finished_at=datetime.fromisoformat(ended) if ended else None,
    )
