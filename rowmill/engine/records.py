"""What a run is: the words, and the JSON, of both engines and of every face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rowmill.engine.json_records import from_json, time_from_json, time_to_json, to_json
from rowmill.engine.verdict import Verdict
from rowmill.plan.pace import percent

if TYPE_CHECKING:
    # For its name alone: it comes with the whole plan, and a plugin's start waits for it.
    from rowmill.plan.runs import RunState

T = TypeVar("T")


class State(StrEnum):
    """Where a run stands.

    What ledger and processes show is told on one machine, what a custom resource says on a cluster:
    so each tells some of these alone. UNKNOWN is what a release newer than this one has a word for.
    """

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    FINALIZING = "FINALIZING"
    PUBLISHING = "PUBLISHING"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    INTERRUPTED = "INTERRUPTED"
    RESET = "RESET"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def of_ledger(cls, state: RunState, *, abandoned: bool, suspended: bool = False) -> State:
        """Where a run stands by its ledger.

        Args:
            abandoned: no process is at work on it; of a run that has ended that says nothing.
            suspended: somebody stopped it who wants it to go on later.
        """
        known = cls(state.value)
        if suspended:
            return cls.SUSPENDED
        return cls.INTERRUPTED if abandoned and known in AT_WORK else known

    @classmethod
    def of_phase(cls, phase: str | None, reason: str | None) -> State:
        """Where a run stands by a custom resource, which an operator of any release wrote.

        Args:
            phase: the resource's, or that of a run in its history.
            reason: of the condition that says best what is so; of a past run its own.
        """
        if phase == "Failed" and reason == "Aborted":
            return cls.ABORTED
        return _OF_PHASE.get(phase, cls.UNKNOWN)


_OF_PHASE: Mapping[str | None, State] = {
    "Pending": State.PENDING,
    "Running": State.RUNNING,
    "Finalizing": State.FINALIZING,
    "Suspended": State.SUSPENDED,
    "Reset": State.RESET,
    "Complete": State.COMPLETED,
    "Failed": State.FAILED,
    "Aborted": State.ABORTED,
}
# States of a run at which a process works, or should.
AT_WORK = frozenset({State.RUNNING, State.FINALIZING, State.PUBLISHING})
# States of which nobody wrote down when the work ended, unless `finished_at` tells.
_END_UNKNOWN = frozenset({State.INTERRUPTED, State.ABORTED, State.RESET, State.UNKNOWN})


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run of an experiment; before the first, what the experiment waits for.

    `rows` are durable ones, `rows_total` the plan's, None where that is not kept. `reason` is one
    word for programs, None where nobody gave one; `message` is a sentence for people, "" if there
    is nothing to say. `seed` and `scale` are what was set over the manifest, `bytes` those of
    its Parquet objects; None where there are none, or not yet. `replaced_by` is the number of the
    run that took the place of its published data. `verification` is what is known of that data,
    None where nobody asked.
    """

    experiment: str
    namespace: str
    number: int | None = None
    id: str | None = None
    state: State
    reason: str | None = None
    message: str = ""
    digest: str | None = None
    data_version: int | None = None
    seed: int | None = None
    scale: str | None = None
    rows: int = 0
    rows_total: int | None = None
    bytes: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    replaced_by: int | None = None
    verification: Verdict | None = None

    @property
    def at_work(self) -> bool:
        """Whether a process works on it, or should: it is made, or verified after that."""
        return self.state in AT_WORK or (
            self.verification is not None and self.verification.awaited
        )

    def to_json(self) -> dict[str, Any]:
        """As `runs -o json` lists it; of a run that has not begun no rows are known."""
        begun = self.number is not None or self.rows > 0
        return to_json(self) if begun else {**to_json(self), "rows": None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunRecord:
        """From its JSON, or from what a custom resource tells under the same names."""
        return from_json(cls, data)

    def took(self, now: datetime) -> float | None:
        """Seconds from the run's first start to its end, or to `now` while it lasts.

        Time between an interruption and the resume counts. None if its end is not known: nobody saw
        it, or its data was removed before it had ended.
        """
        unknown = self.finished_at is None and self.state in _END_UNKNOWN
        if self.started_at is None or unknown:
            return None
        return ((self.finished_at or now) - self.started_at).total_seconds()


@dataclass(frozen=True)
class TableProgress:
    """How far one table is: durable rows and batches of those that are planned.

    `completed_batches` are the durable ones' numbers as intervals, such as `0-41,57`; of very many
    intervals a custom resource names the first alone.
    """

    name: str
    rows: int = 0
    rows_total: int = 0
    batches: int = 0
    batches_done: int = 0
    completed_batches: str = ""

    @property
    def percent(self) -> int:
        """The whole percent of durable rows, rounded down."""
        return percent(self.rows, self.rows_total)

    def to_json(self) -> dict[str, Any]:
        """As `status -o json` has it among the tables."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TableProgress:
        """From its JSON, or from what a custom resource tells under the same names."""
        return from_json(cls, data)


@dataclass(frozen=True)
class Progress:
    """How far a run is, table by table.

    `rows_per_second` became durable of late, at a run's end over all its time; `eta_seconds` are to
    go at that rate. `step` is what is being done, `workers` how many processes or pods are at it.
    All this is as of `last_updated`, by the clock of the server that keeps it. None while nobody
    knows.
    """

    run: RunRecord
    tables: tuple[TableProgress, ...] = ()
    rows_per_second: float | None = None
    eta_seconds: float | None = None
    step: str | None = None
    workers: int | None = None
    last_updated: datetime | None = None

    @property
    def percent(self) -> int:
        """The whole percent of durable rows, rounded down; 100 of a complete run without rows."""
        run = self.run
        return percent(run.rows, run.rows_total or 0, complete=run.state is State.COMPLETED)

    def to_json(self) -> dict[str, Any]:
        """As `status -o json` prints it: the run's own keys, and its progress beside them."""
        return {
            **self.run.to_json(),
            "percent": None if self.run.rows_total is None else self.percent,
            "rowsPerSecond": self.rows_per_second,
            "etaSeconds": self.eta_seconds,
            "step": self.step,
            "workers": self.workers,
            "lastUpdated": time_to_json(self.last_updated) if self.last_updated else None,
            "tables": [table.to_json() for table in self.tables],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Progress:
        """From its JSON."""
        return cls(
            RunRecord.from_json(data),
            tuple(map(TableProgress.from_json, data["tables"])),
            data.get("rowsPerSecond"),
            data.get("etaSeconds"),
            data.get("step"),
            data.get("workers"),
            time_from_json(data.get("lastUpdated")),
        )


@dataclass(frozen=True, kw_only=True)
class ExperimentRecord:
    """An experiment as an engine knows it.

    `manifest` is its text, `scale` and `seed` what its next run is made with over that; `etag`
    changes with these. `uid` tells it from a deleted one of the same name, where that is known.
    `suspended` is whether it is asked to rest. `newest` is how far its
    newest run is, without the tables; before the first, what it waits for.
    """

    name: str
    namespace: str
    uid: str | None = None
    manifest: str
    scale: str | None = None
    seed: int | None = None
    etag: str
    suspended: bool
    newest: Progress

    def to_json(self) -> dict[str, Any]:
        """As a list has it: all but the manifest."""
        run = self.newest.to_json()
        del run["tables"]
        return {
            "name": self.name,
            "namespace": self.namespace,
            "uid": self.uid,
            "scale": self.scale,
            "seed": self.seed,
            "etag": self.etag,
            "suspended": self.suspended,
            "newest": run,
        }


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of a list; `after` is what leads to the next page, None of the last."""

    items: tuple[T, ...]
    after: str | None = None


@dataclass(frozen=True)
class LogLine:
    """A line that a process of a run said: `supervisor`, `worker 2`, `shard 17`.

    `level` is a word such as INFO, `time` None, where it is not known.
    """

    text: str
    source: str
    time: datetime | None = None
    level: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a log file has it, a line each."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LogLine:
        """From its JSON."""
        return from_json(cls, data)
