"""Rows on standard output: as a table for people, as CSV for COPY, or as one JSON document."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain, islice

from rich.text import Text

from rowmill.counting import counted
from rowmill.engine.printed_columns import PrintedColumn, Scalar
from rowmill.terminal.failures import DocumentBegun
from rowmill.terminal.prose import say
from rowmill.terminal.tables import Grid, Heading, print_grid
from rowmill.views.json_cells import json_keys, json_text, json_writer

Row = Sequence[str | None]
# A table is laid out once its rows are all there, so this bounds the memory.
TABLE_ROWS = 1_000
_TABLE_CHARACTERS = 16 * 2**20
_FIGURES = (Scalar.NUMBER, Scalar.DECIMAL)
_QUOTED_IN_CSV = re.compile(r'[",\r\n]')


@dataclass(frozen=True)
class RowSet:
    """Some rows under a name: text as Postgres prints it, None for NULL.

    `title` stands over a table, which then shows every row. Without one it shows as many as memory
    bears, and says how many these are.
    """

    name: str
    columns: Sequence[PrintedColumn]
    rows: Iterable[Row]
    title: str = ""


Write = Callable[[RowSet], None]


def row_writer(output: str) -> AbstractContextManager[Write]:
    """Writes row sets while it is entered, each as its rows come.

    Args:
        output: `table`; `csv`, one header a set, which COPY reads back; or `json`, an object that
            has a list for each set.

    Raises:
        DocumentBegun: what the block raised after a part of the object was written.
    """
    return {"json": _json, "csv": _csv, "table": _tables}[output]()


@contextmanager
def _json() -> Iterator[Write]:
    document = _JsonDocument()
    try:
        yield document.write
    except BrokenPipeError:
        raise
    except (KeyboardInterrupt, Exception) as error:
        if document.begun:
            document.break_off()
            raise DocumentBegun(error) from error
        raise
    document.end()


class _JsonDocument:
    """An object of lists, written piece by piece; what fails before a first row leaves no trace."""

    def __init__(self) -> None:
        self.begun = False
        self._in_list = False

    def write(self, row_set: RowSet) -> None:
        rows = _started(row_set.rows)
        keys = json_keys([column.name for column in row_set.columns])
        names = [f"{json_text(key)}: " for key in keys]
        writers = [json_writer(column) for column in row_set.columns]
        sys.stdout.write(f"{self._between()}{json_text(row_set.name)}: [")
        self.begun = self._in_list = True
        before = ""
        for row in rows:
            cells = zip(names, writers, row, strict=True)
            pairs = ", ".join([name + writer(cell) for name, writer, cell in cells])
            sys.stdout.write(f"{before}{{{pairs}}}")
            before = ", "
        sys.stdout.write("]")
        self._in_list = False

    def break_off(self) -> None:
        """Leave the object where one more member may follow."""
        sys.stdout.write("], " if self._in_list else ", ")

    def end(self) -> None:
        sys.stdout.write("}\n" if self.begun else "{}\n")

    def _between(self) -> str:
        return ", " if self.begun else "{"


@contextmanager
def _csv() -> Iterator[Write]:
    before = ""

    def write(row_set: RowSet) -> None:
        nonlocal before
        rows = _started(row_set.rows)
        sys.stdout.write(before + csv_line([column.name for column in row_set.columns]))
        before = "\n"
        sys.stdout.writelines(map(csv_line, rows))

    yield write


def csv_line(cells: Row) -> str:
    """A line as COPY writes it: NULL is nothing, and what could be taken for it is quoted."""
    return ",".join(["" if cell is None else _csv_cell(cell) for cell in cells]) + "\n"


def _csv_cell(text: str) -> str:
    # Alone on its line, backslash and point would end the data.
    if text and text != "\\." and not _QUOTED_IN_CSV.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


@contextmanager
def _tables() -> Iterator[Write]:
    first = True

    def write(row_set: RowSet) -> None:
        nonlocal first
        shown, more = (list(row_set.rows), False) if row_set.title else _bounded(row_set.rows)
        sys.stdout.write("" if first else "\n")
        first = False
        print_grid(_grid(row_set, shown, row_set.title or _counted(len(shown), more=more)))
        if more:
            say(f"There are more than these {_counted(len(shown))}: -o csv or -o json gives all.")

    yield write


def _bounded(rows: Iterable[Row]) -> tuple[list[Row], bool]:
    """The rows that a table shows, and whether there are more."""
    shown: list[Row] = []
    characters = 0
    for row in rows:
        if len(shown) == TABLE_ROWS or characters > _TABLE_CHARACTERS:
            return shown, True
        shown.append(row)
        characters += sum(len(cell) for cell in row if cell is not None)
    return shown, False


def _counted(rows: int, *, more: bool = False) -> str:
    return ("the first " if more else "") + counted(rows, "row")


def _grid(row_set: RowSet, rows: Sequence[Row], title: str) -> Grid:
    headings = [
        Heading(column.name, right=column.scalar in _FIGURES and column.delimiter is None)
        for column in row_set.columns
    ]
    null = Text("null", style="dim")
    cells = [[null if cell is None else cell for cell in row] for row in rows]
    return Grid(headings, cells, title, ruled=True)


def _started(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows, the first of them fetched: what fails there fails before any output."""
    rest = iter(rows)
    return chain(list(islice(rest, 1)), rest)
