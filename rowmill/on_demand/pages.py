"""A page of rows that need not exist anywhere: any of a table's, from any offset, at one price."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from rowmill.counting import counted
from rowmill.errors import Invalid
from rowmill.generate.frame import Rows
from rowmill.generate.rows import Generator
from rowmill.on_demand.printed_cells import Row, printed_frame
from rowmill.spec.dataset import Column, Dataset, Table

MOST_ROWS = 1_000
# Of the text of a page's cells.
MOST_BYTES = 4 * 2**20


class NoSuchRows(Invalid):
    """What is asked for cannot be; the message says what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__("Usage", message)


@dataclass(frozen=True)
class RowColumn:
    """A column's name, and its type in Postgres's spelling, such as `numeric(10,2)`."""

    name: str
    type: str


@dataclass(frozen=True)
class RowsPage:
    """Rows of a table from `offset`, counted from 0, of the `rows_total` that it has.

    Each has a cell for each of `columns`: text as Postgres prints it, None for NULL. `note` says
    why there are none, or fewer than were asked for; else it is "".
    """

    table: str
    offset: int
    rows_total: int
    columns: tuple[RowColumn, ...]
    rows: tuple[Row, ...]
    note: str = ""


def rows(
    generator: Generator,
    table: str,
    offset: int = 0,
    limit: int = 100,
    columns: Sequence[str] | None = None,
    *,
    most_bytes: int = MOST_BYTES,
) -> RowsPage:
    """The page of rows from `offset`; without rows where the table ends before that.

    Args:
        generator: of the plan's dataset, with its pools, and of this thread alone. One that made
            rows before makes a page in milliseconds.
        table: its name.
        offset: of the first row, from 0. It makes no difference to the time.
        limit: so many rows at most, 1 to 1,000.
        columns: these alone, in this order; None for all.
        most_bytes: of text: what passes them is left out, but for the first row.

    Raises:
        NoSuchRows: there is no such table or column, or a number is out of bounds.
    """
    known = known_table(generator.dataset, table)
    chosen = chosen_columns(known, columns)
    check_limit(limit)
    if offset < 0:
        raise NoSuchRows(f"the offset is {offset}: rows are counted from 0")
    start, stop = min(offset, known.rows), min(offset + limit, known.rows)
    wanted = np.arange(start, stop, dtype=np.int64)
    shown = _within(made_rows(generator, known, wanted, chosen), most_bytes)
    note = ""
    if not shown:
        note = none_from(known.name, known.rows, offset)
    elif len(shown) < len(wanted):
        note = (
            f"these are the {counted(len(shown), 'row')} that are within {most_bytes:,} bytes; "
            f"the rest begins at offset {offset + len(shown)}"
        )
    return RowsPage(known.name, offset, known.rows, shown_columns(chosen), shown, note)


def known_table(dataset: Dataset, name: str) -> Table:
    """The table of that name; raises NoSuchRows, which says which was meant."""
    try:
        return dataset.table(name)
    except KeyError as error:
        raise NoSuchRows(error.args[0]) from None


def chosen_columns(table: Table, names: Sequence[str] | None) -> tuple[Column, ...]:
    """The columns of these names, each once; raises NoSuchRows, which says which were meant."""
    if names is None:
        return table.columns
    try:
        chosen = tuple(table.column(name) for name in dict.fromkeys(names))
    except KeyError as error:
        raise NoSuchRows(error.args[0]) from None
    if not chosen:
        raise NoSuchRows(f"no column is asked for; those of {table.name!r} are {_listed(table)}")
    return chosen


def check_limit(limit: int) -> None:
    """Raise NoSuchRows unless a page may have so many rows."""
    if not 1 <= limit <= MOST_ROWS:
        raise NoSuchRows(f"the limit is {limit}: use 1 to {MOST_ROWS:,} rows")


def shown_columns(columns: Iterable[Column]) -> tuple[RowColumn, ...]:
    """The columns as a page tells of them."""
    return tuple(RowColumn(column.name, str(column.type)) for column in columns)


def made_rows(
    generator: Generator, table: Table, wanted: Rows, columns: Sequence[Column]
) -> tuple[Row, ...]:
    """The rows of these indexes, in their order."""
    if not len(wanted):
        return ()
    return tuple(printed_frame(generator.frame(table.name, wanted), columns))


def _within(rows: tuple[Row, ...], most_bytes: int) -> tuple[Row, ...]:
    """The first of the rows, as many as hold so many bytes of text, and one at least."""
    sizes = (sum(len((cell or "").encode()) for cell in row) for row in rows)
    fit = sum(1 for total in accumulate(sizes) if total <= most_bytes)
    return rows[: max(1, fit)]


def none_from(table: str, rows_total: int, offset: int) -> str:
    """That a table has no rows from this offset on, which is not within it."""
    if rows_total == 0:
        return f"{table!r} has no rows"
    return f"{table!r} has {counted(rows_total, 'row')}, counted from 0: none from {offset:,} on"


def _listed(table: Table) -> str:
    return ", ".join(table.by_name)
