"""What verify found, as plain data: per table and destination the checksums and the differences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rowmill.counting import counted
from rowmill.destinations.stored_rows import Problem

# A cell as Postgres would print it, in JSON's types: None, bool, int, float, str, lists of these.
Value = Any


class Kind(StrEnum):
    """How a row differs: `unexpected` rows are stored but are no rows of the table."""

    CHANGED = "changed"
    LOST = "lost"
    DOUBLED = "doubled"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True)
class CellDifference:
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


@dataclass(frozen=True)
class Report:
    """The verification of one published run; `problems` are those of no single table."""

    owner: str
    run: int
    run_id: str
    digest: str
    data_version: int
    seed: int
    tables: tuple[TableReport, ...]
    problems: tuple[Problem, ...]
    seconds: float

    def __repr__(self) -> str:
        found = "identical" if self.identical else f"differs in {', '.join(self._differing)}"
        return f"<Report: run {self.run} {found}>"

    @property
    def _differing(self) -> list[str]:
        """What differs: tables with their destination, places of the problems of none."""
        tables = [
            f"{table.table} ({each.destination})"
            for table in self.tables
            for each in table.comparisons
            if not each.identical
        ]
        return [*tables, *(problem.place for problem in self.problems)]

    @property
    def identical(self) -> bool:
        """Whether every destination holds exactly the rows that it should."""
        return not self.problems and all(
            each.identical for table in self.tables for each in table.comparisons
        )

    @property
    def checksums(self) -> dict[str, str]:
        """The tables' data checksums, from the rows made again."""
        return {table.table: table.checksum for table in self.tables}

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return {
            "owner": self.owner,
            "run": self.run,
            "id": self.run_id,
            "digest": self.digest,
            "dataVersion": self.data_version,
            "seed": self.seed,
            "identical": self.identical,
            "seconds": round(self.seconds, 3),
            "problems": [_problem(each) for each in self.problems],
            "tables": [_table(each) for each in self.tables],
        }


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
