"""What a removal may touch, what it removed and what it left: plain data and its words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rowmill.counting import counted
from rowmill.plan.purging import PurgeEnd, Written
from rowmill.plan.runs import Run, RunState
from rowmill.worker.run_history import left_over

# Of a run whose data readers see, or saw, or are about to.
_SEEN = frozenset({RunState.PUBLISHING, RunState.COMPLETED})


class Whose(StrEnum):
    """Whose the data is that a ledger has under an owner key, to an Experiment of a cluster."""

    OURS = "ours"
    ANOTHERS = "another's"
    UNKNOWN = "unknown"


def whose(
    present: str | None, uids: Collection[str], uid: str, written: Written | None, run: Run | None
) -> Whose:
    """Whose the data under the owner key of the Experiment `uid` is.

    Args:
        present: the ledger's present uid of the owner key, None if it does not know the key.
        uids: all uids of the owner key of which the ledger has a run.
        written: what the Experiment is known to have written.
        run: the ledger's run of the id that `written` tells, None if there is none.
    """
    if present is None or (written is not None and written.run_id and run is None):
        # An Experiment of this name may have data in this database too: that is not ours.
        return Whose.UNKNOWN
    if uid in uids:
        return Whose.OURS if present == uid else Whose.ANOTHERS
    if run is not None:
        # Ours repeated it, which leaves no record.
        return Whose.OURS if run.uid == present else Whose.ANOTHERS
    if written is not None:
        return Whose.UNKNOWN
    # One that began no run and repeated none: what is there was kept of an earlier of its name.
    return Whose.OURS if present == uid else Whose.ANOTHERS


def begun_since(runs: Sequence[Run], uid: str, number: int, written: Written | None) -> Run | None:
    """The newest run after `number` of the Experiment `uid`, None if that is the newest.

    Args:
        runs: those whose data it is, under one or more owner keys. Where none is its own, what it
            repeated is its own, and every later run of that owner key is not.
        written: what it is known to have written.
    """
    own = [run for run in runs if run.uid == uid]
    later = [run for run in own if run.number > number] if own else _after_repeated(runs, written)
    return max(later, key=lambda run: run.number, default=None)


def published_since(runs: Sequence[Run], uid: str, written: Written | None) -> Run | None:
    """The newest run that took the place of what the Experiment `uid` knows as its data.

    None if it has runs of its own, or repeated the newest of which readers saw anything.

    Args:
        runs, written: as of `begun_since`.
    """
    if any(run.uid == uid for run in runs):
        return None
    later = [run for run in _after_repeated(runs, written) if run.state in _SEEN]
    return max(later, key=lambda run: run.number, default=None)


def _after_repeated(runs: Sequence[Run], written: Written | None) -> list[Run]:
    """The runs of its owner key after the one that is told to be written."""
    repeated = [run for run in runs if written is not None and run.id == written.run_id]
    return [
        run
        for known in repeated
        for run in runs
        if run.owner == known.owner and run.number > known.number
    ]


def with_work(runs: Sequence[Run], unfinished: Collection[str]) -> int:
    """How many of one owner's runs, oldest first, can have had staged work.

    Args:
        unfinished: ids of those that were unfinished when the removal began; by now they are RESET.
    """
    return len(
        left_over([run.at(RunState.ABORTED) if run.id in unfinished else run for run in runs])
    )


@dataclass(frozen=True)
class Removed:
    """What a removal came to.

    `tables` and `objects` were there and are deleted, with `rows` by the plan; `unfinished` runs
    had staged work. `gone` tells what somebody had removed before, `left` what stays, in sentences
    without a full stop.
    """

    tables: int = 0
    rows: int = 0
    objects: int = 0
    unfinished: int = 0
    gone: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Removed:
        """What `to_json` made, by way of JSON."""
        return cls(**{**kept, "gone": tuple(kept["gone"]), "left": tuple(kept["left"])})

    def __str__(self) -> str:
        nothing = f"there was no data {'left ' if self.gone else ''}to remove"
        texts = [f"removed {self._what()}" if self._what() else nothing]
        texts += self.gone
        if self.left:
            texts.append(f"left: {'; '.join(self.left)}")
        return "; ".join(texts)

    def _what(self) -> str:
        rows = f" ({counted(self.rows, 'row')})" if self.rows else ""
        parts = [
            f"{counted(self.tables, 'table')}{rows}" if self.tables else "",
            counted(self.objects, "object") + ("" if self.tables else rows) if self.objects else "",
            f"the work of {counted(self.unfinished, 'unfinished run')}" if self.unfinished else "",
        ]
        return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Purged:
    """How the purge of an Experiment ended, and the words for it."""

    end: PurgeEnd
    message: str
    removed: Removed

    @classmethod
    def of(cls, removed: Removed) -> Purged:
        end = PurgeEnd.PARTLY if removed.left else PurgeEnd.REMOVED
        if removed == Removed():
            end = PurgeEnd.NOTHING
        return cls(end, str(removed), removed)


def missing(found: int, wanted: int, what: str, *, again: bool = False) -> tuple[str, ...]:
    """A sentence if fewer were found than the ledger has.

    Args:
        found, wanted: how many of each.
        what: what they are.
        again: whether an earlier try may have removed some.
    """
    if found >= wanted:
        return ()
    why = "not there or not its own any more"
    if again:
        why = "removed by a try that was cut, or not there before"
    return (f"{counted(wanted - found, what)} of {wanted:,} {why}",)
