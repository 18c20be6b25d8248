"""What a verify found, as plain data: a table and destination each, checksums and differences."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rowmill.counting import counted
from rowmill.engine.json_records import time_to_json

# A cell as Postgres would print it, in JSON's types: None, bool, int, float, str, lists of these.
Value = Any


class Kind(StrEnum):
    """How a row differs: `unexpected` rows are stored but are no rows of the table."""

    CHANGED = "changed"
    LOST = "lost"
    DOUBLED = "doubled"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True)
class Problem:
    """Something wrong that is no single row: one word for machines, the place, a sentence.

    `reason` is TableMissing, ColumnsDiffer, ObjectMissing, ObjectUnreadable, BytesDiffer,
    ObjectExtra, RecordMissing or CurrentDiffers.
    """

    reason: str
    place: str
    text: str


@dataclass(frozen=True)
class CellDifference:
    """A cell that is not as it was made."""

    column: str
    expected: Value
    found: Value


@dataclass(frozen=True)
class Difference:
    """One row that differs.

    `row` is its index, with the batch and part that made it (None if it is unexpected); `key` its
    key's values, empty for a table without a key; `cells` what changed in it; `place` where it is
    stored, None if it is lost.
    """

    kind: Kind
    row: int | None
    batch: int | None
    part: int | None
    key: dict[str, Value]
    cells: tuple[CellDifference, ...]
    place: str | None


@dataclass(frozen=True)
class Comparison:
    """One table in one destination.

    `rows` and `checksum` are of what is stored and could be read. `counts` has how many rows differ
    by kind, `differences` at most the first so many of them. With `sampled` more differ than were
    looked at: `counts` is then of a sample, in which a changed row may show as a lost and an
    unexpected one.
    """

    destination: str
    rows: int
    checksum: str
    identical: bool
    problems: tuple[Problem, ...]
    counts: dict[Kind, int]
    differences: tuple[Difference, ...]
    sampled: bool

    def __repr__(self) -> str:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items() if count)
        found = "identical" if self.identical else kinds or "differs"
        return f"<Comparison: {self.destination}, {counted(self.rows, 'row')}, {found}>"


@dataclass(frozen=True)
class TableReport:
    """One table: `rows` and `checksum` are of the rows made again."""

    table: str
    rows: int
    checksum: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of the verification of one published run.

    `rows` were made again, and `checksum` is the run's data checksum; `differences` are the rows
    that differ, of all tables and destinations, as far as they were counted, and `where` is the
    first place that does, without any cell's value. `tables` and the `problems` of no single table
    are told where they were compared, and by no custom resource.
    """

    owner: str | None = None
    run: int
    run_id: str | None = None
    digest: str | None = None
    data_version: int | None = None
    seed: int | None = None
    finished_at: datetime | None = None
    seconds: float | None = None
    identical: bool
    rows: int
    checksum: str | None
    differences: int = 0
    where: str = ""
    tables: tuple[TableReport, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        found = "identical" if self.identical else f"differs in {', '.join(self._differing)}"
        return f"<Verification: run {self.run} {found}>"

    @property
    def _differing(self) -> list[str]:
        """What differs: tables with their destination, places of the problems of none."""
        tables = [
            f"{table.table} ({each.destination})"
            for table in self.tables
            for each in table.comparisons
            if not each.identical
        ]
        return [*tables, *(problem.place for problem in self.problems)] or [self.where]

    @property
    def compared(self) -> str:
        """How much was compared: rows, and of how many tables where these are told."""
        of = f" of {counted(len(self.tables), 'table')}" if self.tables else ""
        return f"{counted(self.rows, 'row')}{of}"

    @property
    def checksums(self) -> dict[str, str]:
        """The tables' data checksums, from the rows made again."""
        return {table.table: table.checksum for table in self.tables}

    def to_json(self) -> dict[str, Any]:
        """As `verify -o json` prints it."""
        return {
            "owner": self.owner,
            "run": self.run,
            "id": self.run_id,
            "digest": self.digest,
            "dataVersion": self.data_version,
            "seed": self.seed,
            "finishedAt": None if self.finished_at is None else time_to_json(self.finished_at),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "identical": self.identical,
            "rows": self.rows,
            "checksum": self.checksum,
            "differences": self.differences,
            "where": self.where,
            "problems": [_problem(each) for each in self.problems],
            "tables": [_table(each) for each in self.tables],
        }


def compared(
    tables: tuple[TableReport, ...], problems: tuple[Problem, ...], **known: Any
) -> Verification:
    """The verification that a comparison of all tables comes to.

    Args:
        tables: in the plan's order.
        problems: those of no single table.
        known: what is known besides, fields of Verification.
    """
    every = [(table, each) for table in tables for each in table.comparisons]
    return Verification(
        identical=not problems and all(each.identical for _, each in every),
        rows=sum(table.rows for table in tables),
        checksum=_data_checksum(tables),
        differences=sum(sum(each.counts.values()) for _, each in every),
        where=_where(every, problems),
        tables=tables,
        problems=problems,
        **known,
    )


def _data_checksum(tables: Iterable[TableReport]) -> str:
    """`sha256:` over a line `TABLE CHECKSUM` for each table, of the rows made again.

    Equal data has an equal one, wherever it went.
    """
    lines = "".join(f"{table.table} {table.checksum}\n" for table in tables)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _where(every: Iterable[tuple[TableReport, Comparison]], problems: Sequence[Problem]) -> str:
    for problem in problems:
        return f"{problem.place}: {problem.text}"
    for table, each in every:
        if not each.identical:
            return f"{table.table} in {each.destination}: {_first(each)}"
    return ""


def _first(comparison: Comparison) -> str:
    for problem in comparison.problems:
        return f"{problem.place}: {problem.text}"
    for difference in comparison.differences:
        return _place(difference)
    return "its rows"


def _place(difference: Difference) -> str:
    text = str(difference.kind)
    if difference.row is not None:
        text += f" row {difference.row} (batch {difference.batch}, part {difference.part})"
    if difference.place is not None:
        text += f" at {difference.place}"
    if difference.cells:
        text += f", in {', '.join(cell.column for cell in difference.cells)}"
    return text


@dataclass(frozen=True)
class VerifyProgress:
    """How far it is: `rows` were made again or read, of about `total`; `table` is in hand.

    `phase` is `comparing`, or `examining` while the rows that differ are looked for.
    """

    phase: str
    table: str
    rows: int
    total: int

    def __str__(self) -> str:
        """For a line that tells of other steps too, such as `comparing orders, 45 %`."""
        return f"{self.phase} {self.table}, {100 * self.rows // max(1, self.total)} %"


OnProgress = Callable[[VerifyProgress], None]


def ignored(progress: VerifyProgress) -> None:
    """The `OnProgress` of one who shows nothing."""


def _table(table: TableReport) -> dict[str, Any]:
    return {
        "table": table.table,
        "rows": table.rows,
        "checksum": table.checksum,
        "destinations": [_comparison(each) for each in table.comparisons],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "destination": comparison.destination,
        "rows": comparison.rows,
        "checksum": comparison.checksum,
        "identical": comparison.identical,
        "problems": [_problem(each) for each in comparison.problems],
        "counts": {kind.value: count for kind, count in comparison.counts.items()},
        "sampled": comparison.sampled,
        "differences": [_difference(each) for each in comparison.differences],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {"reason": problem.reason, "place": problem.place, "text": problem.text}


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.kind.value,
        "row": difference.row,
        "batch": difference.batch,
        "part": difference.part,
        "key": difference.key,
        "place": difference.place,
        "cells": [
            {"column": cell.column, "expected": cell.expected, "found": cell.found}
            for cell in difference.cells
        ],
    }
