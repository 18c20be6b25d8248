"""Which steps of finalize may run at once, and which goes first: decided from their locks alone.

Of two steps whose locks conflict, the one that is earlier in the list ends before the later begins.
From that alone follow:

- No deadlock among them: no step that runs waits for another one that runs, but for what no step
  names: what a user's function reads or locks, what goes with a key of another shape (CASCADE).
  Twins may wait for each other's. Each step takes its tables by the order of their names, one of
  others last; where that does not help, the database ends one of two, which is done again.
- What a step stands on is there: it is made by an earlier step on a table that both lock (a
  reference locks its parent, whose key was made under the strongest lock).

Else the order is free, as names do not depend on it: first comes what most work waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.tables.lock_modes import Lock, conflict


@dataclass(frozen=True)
class FinalizeStep:
    """One transaction of finalize.

    `label` says what it makes, for progress. `locks` are the strongest on each table that it takes.
    `rows` is what it reads, about; 0 of what looks at no row. `work` bears being done again.
    """

    label: str
    locks: Mapping[str, Lock]
    rows: int
    work: Callable[[Cursor], None]


class StepOrder:
    """The steps of one finalize, which of them are done, and which may begin; for one thread."""

    def __init__(self, steps: Sequence[FinalizeStep]) -> None:
        self._steps = steps
        self._after = predecessors([step.locks for step in steps])
        weights = urgency([step.rows for step in steps], self._after)
        self._waiting = sorted(range(len(steps)), key=lambda n: (-weights[n], n))
        self._done: set[int] = set()

    @property
    def is_complete(self) -> bool:
        return len(self._done) == len(self._steps)

    def take(self) -> int | None:
        """The number of the most urgent step that may begin now; None if none may."""
        for number in self._waiting:
            if self._after[number] <= self._done:
                self._waiting.remove(number)
                return number
        return None

    def done(self, number: int) -> None:
        """A step that was taken has committed."""
        self._done.add(number)

    def give_back(self, number: int) -> None:
        """A step that was taken is for somebody else to do, before all others."""
        self._waiting.insert(0, number)


def predecessors(locks: Sequence[Mapping[str, Lock]]) -> list[frozenset[int]]:
    """For each step the numbers of the earlier ones with which it conflicts."""
    by_table: dict[str, list[tuple[int, Lock]]] = {}
    found = []
    for number, wanted in enumerate(locks):
        before: set[int] = set()
        for table, mode in wanted.items():
            known = by_table.setdefault(table, [])
            before |= {earlier for earlier, held in known if conflict(held, mode)}
            known.append((number, mode))
        found.append(frozenset(before))
    return found


def urgency(rows: Sequence[int], after: Sequence[frozenset[int]]) -> list[int]:
    """The rows that are read from the beginning of each step to the end of all that waits for it.

    Args:
        rows: what each step reads.
        after: for each step those that end before it begins, all of them earlier in the list.
    """
    chains = list(rows)
    waiting = [0] * len(rows)
    for number in reversed(range(len(rows))):
        chains[number] += waiting[number]
        for earlier in after[number]:
            waiting[earlier] = max(waiting[earlier], chains[number])
    return chains


# Postgres's own default for what one index may take.
_LEAST_MEMORY = 64 * 2**20


def shares(wanted: int, tables: int, memory: int) -> tuple[int, int]:
    """How many connections work at once, and the bytes of memory that a sort or hash of each has.

    Together they take no more than one connection did alone, so that no number of workers can use
    up the server.

    Args:
        wanted: as many at most; those who loaded were as many.
        tables: steps that read one table's rows go one after another.
        memory: bytes for all of them.
    """
    connections = max(1, min(wanted, tables, memory // _LEAST_MEMORY))
    return connections, memory // connections
