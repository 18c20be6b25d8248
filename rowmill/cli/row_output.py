"""Rows on standard output: as a table for people, as CSV, or as one JSON document."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from rich.table import Table
from rich.text import Text

from rowmill.cli.plain_values import plain_values
from rowmill.terminal.console import print_whole


@dataclass(frozen=True)
class RowSet:
    """Some rows under a name: `rows` is an Arrow batch or plain tuples."""

    name: str
    title: str
    columns: Sequence[str]
    rows: pa.RecordBatch | Sequence[Sequence[Any]]

    def tuples(self) -> Iterator[Sequence[Any]]:
        """The rows as plain values: None, bool, int, float, text, lists of these."""
        if isinstance(self.rows, pa.RecordBatch):
            columns = [plain_values(column) for column in self.rows.columns]
            return zip(*columns, strict=True) if columns else iter(())
        return iter(self.rows)


def write_rows(sets: Sequence[RowSet], output: str) -> None:
    """Write row sets as `table`, `csv` (one header a set) or `json` (an object of lists)."""
    if output == "json":
        _write_json(sets)
    elif output == "csv":
        _write_csv(sets)
    else:
        _write_tables(sets)


def _write_json(sets: Sequence[RowSet]) -> None:
    document = {
        s.name: [dict(zip(s.columns, row, strict=True)) for row in s.tuples()] for s in sets
    }
    json.dump(document, sys.stdout, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def _write_csv(sets: Sequence[RowSet]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for i, row_set in enumerate(sets):
        if i:
            sys.stdout.write("\n")
        writer.writerow(row_set.columns)
        writer.writerows(row_set.tuples())


def _write_tables(sets: Sequence[RowSet]) -> None:
    for row_set in sets:
        table = Table(title=Text(row_set.title), title_justify="left")
        for name in row_set.columns:
            table.add_column(Text(name), no_wrap=True)
        for row in row_set.tuples():
            table.add_row(*(_cell(value) for value in row))
        print_whole(table)


def _cell(value: Any) -> Text:
    if value is None:
        return Text("null", style="dim")
    if isinstance(value, bool):
        return Text("true" if value else "false")
    if isinstance(value, int | float):
        return Text(str(value), justify="right")
    return Text(str(value))
