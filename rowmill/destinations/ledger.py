"""The ledger's words: pending parts, and what any ledger must be able to do, in six parts.

Two stores keep it: Postgres (postgres/ledger/) or, without one, objects under `PREFIX/_rowmill/`
(lake/ledger/). A batch counts when, and only when, its ledger row commits with its rows; without
Postgres a part counts when its pending record is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rowmill.destinations.retries import always
from rowmill.engine.saved_queries import SavedQuery
from rowmill.plan.runs import Run, RunState

# In a run's summary, where its Parquet goes: `Lake.place`.
LAKE_PLACE = "lake"


@dataclass(frozen=True)
class PendingPart:
    """A part whose pieces are uploaded but not completed: what finalize needs to complete it.

    `etags` are those of the pieces, in order; `sha256` is of the whole object's bytes; a small part
    is a multipart upload of one piece.
    """

    table: str
    number: int
    key: str
    upload_id: str
    etags: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str


class RunRecords(Protocol):
    """The runs, and the experiments whose runs they are."""

    def uid(self, owner: str) -> str | None:
        """The experiment's uid if it ever claimed this ledger and was not deleted since."""
        ...

    def uids(self, owner: str) -> frozenset[str]:
        """Every uid of the experiment of which there is a run, the present one's or an older."""
        ...

    def claim(self, owner: str, uid: str) -> None:
        """Record the experiment's uid (no change if it is already that one)."""
        ...

    def owners(self) -> list[str]: ...

    def of(self, owner: str) -> list[Run]:
        """All runs of the experiment's present uid, oldest first."""
        ...

    def of_each(self, owners: Collection[str], *, newest: bool = False) -> dict[str, list[Run]]:
        """By owner what `of` gives, for those that have runs; with `newest` that run alone."""
        ...

    def find(self, run_id: str) -> Run | None: ...

    def live_writer(self, place: str, owner: str) -> str | None:
        """Another owner than `owner` with an unfinished run whose Parquet goes to `place`."""
        ...

    def create(self, run: Run) -> Run:
        """Record a new run; if the number is taken, the run that took it is returned."""
        ...

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
        """Move a run's state if it is one of `expected`, behind the fence; says whether it did.

        Not once it is not `wanted` any more, which is asked again when the fence was waited for.

        `summary` is merged into the run's, without the reason of the state before. Sets
        `finished_at` when the run ends and clears it when it is taken up again; a further end (a
        reset, say) leaves it as it was.
        """
        ...

    def note(self, run_id: str, facts: dict[str, Any]) -> None:
        """Merge `facts` into a run's summary, whatever its state; of no run, do nothing."""
        ...


class Work(Protocol):
    """What of a run is durable: committed batches, recorded parts."""

    def done_batches(self, run_id: str) -> dict[str, list[tuple[int, int]]]:
        """Per table the committed batches as sorted half-open intervals (Postgres only).

        A crash of the server may take the last of them.
        """
        ...

    def settled_batches(self, run_id: str) -> dict[str, list[tuple[int, int]]]:
        """The same, none of which a crash takes any more; only who may write can ask for it."""
        ...

    def pending_parts(self, run_id: str) -> dict[tuple[str, int], PendingPart]:
        """The recorded parts by (table, number)."""
        ...

    def record_part(self, run_id: str, part: PendingPart) -> bool:
        """Record a part unless one of as many rows is there: one of others is no part of the plan.

        Raises:
            Fenced: the run is not RUNNING.
        """
        ...

    def replace_part(self, run_id: str, part: PendingPart) -> None:
        """Record a part made again in place of one whose upload is gone, while publishing."""
        ...

    def forget(self, run_id: str) -> None:
        """Drop the batches and parts of a run whose tables and uploads were cleared away."""
        ...

    def collapse(self, run_id: str) -> None:
        """Fold the run's batch rows into part ranges kept as its lineage."""
        ...


class Locks(Protocol):
    """Who runs an experiment and who prepares it, one at a time."""

    def hold_experiment(self, owner: str) -> AbstractContextManager[ExperimentHold]:
        """The supervisor's claim while a run is live; a second one is refused at once.

        Of a server that was just started it first leaves a live run the time to have it back.
        """
        ...

    def is_held(self, owner: str) -> bool:
        """Whether a supervisor holds the experiment now; it only looks, and refuses nobody.

        Also while one that lives may not have it back yet, of a server that was just started.
        """
        ...

    def preparing(self, owner: str) -> AbstractContextManager[None]:
        """A lock, waited for, under which prepare runs once at a time."""
        ...


class Pools(Protocol):
    """Pools that the package does not ship, by the hash of what they are made of."""

    def find(self, digest: str) -> bytes | None: ...

    def store(self, digest: str, content: bytes) -> None: ...


@dataclass(frozen=True)
class StoredProgress:
    """What a supervisor wrote of its run: `at` that time, `age` seconds ago.

    Both are by the server's clock, so nobody's own is compared with it.
    """

    body: dict[str, Any]
    at: datetime
    age: float


class RunProgress(Protocol):
    """How far live runs are, as their supervisors tell: good to know, and never what is gone by.

    A run's state is always read from `RunRecords`, and what is durable of it from `Work`. Neither
    method waits for a server that is away, or fails.
    """

    @property
    def write_seconds(self) -> float:
        """How often a supervisor writes."""
        ...

    @property
    def fresh_seconds(self) -> float:
        """Up to which age what is read tells of now."""
        ...

    def write(self, run_id: str, body: dict[str, Any]) -> None:
        """Write beside the fence, so that neither holds up the other; a crash may take it."""
        ...

    def read(self, run_id: str) -> StoredProgress | None:
        """What was written last; None if nothing was, or nothing can be read."""
        ...


class SavedQueries(Protocol):
    """Queries that people keep by name with an experiment; they outlive its data."""

    def of(self, owner: str) -> list[SavedQuery]:
        """The experiment's, by name."""
        ...

    def save(self, owner: str, name: str, sql: str) -> SavedQuery | None:
        """Keep a query, in place of what has its name; None if the experiment is not known.

        Raises:
            DestinationRefused: LedgerOlder.
        """
        ...

    def forget(self, owner: str, name: str) -> bool:
        """Whether there was one."""
        ...


class Ledger(Protocol):
    """A ledger: six parts, of which each caller takes the one it needs, and what is of them all.

    Every method, also of the parts, may raise DestinationRefused or DestinationUnavailable
    (errors.py); each is safe to call again after a crash at any point in it.
    """

    @property
    def runs(self) -> RunRecords: ...

    @property
    def work(self) -> Work: ...

    @property
    def locks(self) -> Locks: ...

    @property
    def pools(self) -> Pools: ...

    @property
    def progress(self) -> RunProgress: ...

    @property
    def queries(self) -> SavedQueries: ...

    def ensure(self) -> Iterable[str]:
        """Make the ledger's own tables or folders if they are missing, and bring them up to date.

        Returns sentences that the user should know: what only the tables' owner can do, with how.
        """
        ...

    def found(self) -> bool:
        """Whether there is a ledger at all; makes nothing, so a reader's rights will do."""
        ...

    def forget_runs(self, runs: Sequence[Run]) -> None:
        """Remove the records of ended runs; not of one whose tables readers still see."""
        ...

    def forget_experiment(self, owner: str) -> None:
        """Remove every record of the experiment (`delete`)."""
        ...

    def close(self) -> None: ...


class ExperimentHold(Protocol):
    """A held experiment; `lost()` turns true when another has it by now: stop then."""

    def lost(self) -> bool: ...
