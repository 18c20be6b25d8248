"""The ledger's layout as two numbers, and the steps that lead to the newest one. Pure.

A step only adds: nullable columns, new tables. So a run on its way keeps its image, which knows
nothing of it, and goes on. A client is named by the newest step that it knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rowmill.destinations.errors import DestinationRefused

_MAKES = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?\{0\}\.(\w+)")


@dataclass(frozen=True)
class Step:
    """One step: its SQL, in which `{0}` is the ledger's schema, is one transaction.

    It bears being run again. `oldest_writer` is the oldest client that may write once it is done:
    more than 1 only of a step that an older client would do harm to. A table that it makes, by
    `CREATE TABLE {0}.NAME`, is granted to whoever may use `runs` when the step is done.
    """

    number: int
    statements: str
    oldest_writer: int = 1

    @property
    def tables(self) -> list[str]:
        """The tables that it makes."""
        return _MAKES.findall(self.statements)


@dataclass(frozen=True)
class Layout:
    """Of a ledger: the newest step that was done, and the oldest client that may write to it.

    The oldest writer is the column `version` of table `layout`, which every client compares; the
    step is a column that is not there before the first step is done, and in a bucket a key.
    """

    step: int = 1
    oldest_writer: int = 1

    def has(self, step: int) -> bool:
        """Whether that step was done. What it adds may lack where the role may not add it."""
        return self.step >= step


# Step 1 is the layout of postgres/ledger/tables.py and of a bucket's objects.
# Step 2: how far runs are. Who deletes a run deletes that along, also an older client.
# Step 3: queries that people keep. Who deletes an experiment deletes them along, likewise.
STEPS: tuple[Step, ...] = (
    Step(
        2,
        "CREATE TABLE IF NOT EXISTS {0}.progress (\n"
        "    run_id text PRIMARY KEY REFERENCES {0}.runs (id) ON DELETE CASCADE,\n"
        "    body jsonb NOT NULL,\n"
        "    updated_at timestamptz NOT NULL\n"
        ");",
    ),
    Step(
        3,
        "CREATE TABLE IF NOT EXISTS {0}.queries (\n"
        "    owner text NOT NULL REFERENCES {0}.experiments (owner) ON DELETE CASCADE,\n"
        "    name text NOT NULL,\n"
        "    sql text NOT NULL,\n"
        "    saved_at timestamptz NOT NULL,\n"
        "    PRIMARY KEY (owner, name)\n"
        ");",
    ),
)


def newest(steps: Sequence[Step]) -> int:
    """The number of a client that knows `steps` besides the first."""
    return max((step.number for step in steps), default=1)


def lacking(layout: Layout, steps: Sequence[Step]) -> list[Step]:
    """The steps that are to be done on a ledger of this layout, in their order."""
    wanted = (step for step in steps if not layout.has(step.number))
    return sorted(wanted, key=lambda step: step.number)


def made_by(steps: Iterable[Step]) -> list[str]:
    """The tables that the steps make."""
    return [table for step in steps for table in step.tables]


def refuse_newer(layout: Layout, steps: Sequence[Step], place: str, other: str) -> None:
    """Refuse a ledger to which a client that knows `steps` may not write.

    Args:
        place: which ledger, in words.
        other: the field of the manifest by which another ledger is taken.

    Raises:
        DestinationRefused: LedgerTooNew.
    """
    client = newest(steps)
    if layout.oldest_writer > client:
        raise DestinationRefused(
            "LedgerTooNew",
            f"the ledger {place} was made by a newer Rowmill (layout {layout.oldest_writer}, this "
            f"one knows {client}): upgrade Rowmill, or set another `{other}`",
        )
