"""The one place that decides how a table is laid out: as a grid, or one record below the other.

On a terminal no word is broken: what is wider than the screen turns into records. Elsewhere there
is no width, and a grid holds every value whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.text import Text

from rowmill.terminal.console import PipeConsole
from rowmill.terminal.prose import visible, wrapped

_NOTE_INDENT = "    "
_BESIDE_NAME = " | "
# Less room for prose than this beside a record's names makes a column of single words.
_LEAST_NOTE = 20


@dataclass(frozen=True)
class Heading:
    """A column's name and how its cells stand.

    `right` aligns figures; `once` leaves out a cell of a grid that repeats the one above; a `note`
    is prose, which goes below its row where there is no room beside it.
    """

    name: str
    right: bool = False
    once: bool = False
    note: bool = False


@dataclass(frozen=True)
class Grid:
    """A table to show: a cell is plain text, or Text for its style; `title` stands above it.

    With `ruled` a line divides the columns, as cells that hold spaces need it.
    """

    headings: Sequence[Heading]
    rows: Sequence[Sequence[str | Text]]
    title: str = ""
    ruled: bool = False


def print_grid(grid: Grid) -> None:
    """Print a table on standard output, as suits what is there."""
    console = PipeConsole()
    for line in lines(grid, console.terminal_width, ascii_only=console.options.ascii_only):
        console.print(line, soft_wrap=True)


def lines(grid: Grid, width: int | None, *, ascii_only: bool = False) -> Iterator[Text]:
    """The lines of a table on a screen of `width` columns, None for one without an end."""
    if grid.title:
        yield from map(Text, wrapped(visible(grid.title), width).split("\n"))
    rows = [
        [_text(cell, heading) for cell, heading in zip(row, grid.headings, strict=True)]
        for row in grid.rows
    ]
    beside = _Columns(grid, rows, range(len(grid.headings)), ascii_only)
    if width is None or beside.width <= width:
        yield from beside.lines()
        return
    without = [i for i, heading in enumerate(grid.headings) if not heading.note]
    above = _Columns(grid, rows, without, ascii_only)
    if len(without) < len(grid.headings) and above.width <= width:
        yield from _with_notes(grid, rows, above, width)
    else:
        yield from _records(grid, rows, width)


def _text(cell: str | Text, heading: Heading) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text(visible(" ".join(cell.split()) if heading.note else cell))


class _Columns:
    """Some columns side by side, each as wide as its widest cell."""

    def __init__(
        self, grid: Grid, rows: Sequence[Sequence[Text]], chosen: Sequence[int], ascii_only: bool
    ) -> None:
        self._headings = [grid.headings[i] for i in chosen]
        self._rows = [[row[i] for i in chosen] for row in rows]
        self._widths = [
            max([cell_len(heading.name), *(_width(row[i]) for row in self._rows)])
            for i, heading in enumerate(self._headings)
        ]
        bar, dash, cross = ("|", "-", "+") if ascii_only else ("│", "─", "┼")
        self._between = f" {bar} " if grid.ruled else "  "
        crossing = f"{dash}{cross}{dash}" if grid.ruled else dash * 2
        self._rule = dash + crossing.join(dash * width for width in self._widths) + dash
        self.width = cell_len(self._rule)

    def lines(self) -> Iterator[Text]:
        yield from self.head()
        for number in range(len(self._rows)):
            yield from self.row(number)

    def head(self) -> Iterator[Text]:
        yield self._line([Text(visible(heading.name), "bold") for heading in self._headings])
        yield Text(self._rule)

    def row(self, number: int) -> Iterator[Text]:
        row, before = self._rows[number], self._rows[number - 1] if number else None
        cells = [
            Text() if heading.once and before and before[i].plain == cell.plain else cell
            for i, (heading, cell) in enumerate(zip(self._headings, row, strict=True))
        ]
        for parts in zip_longest(*(_split(cell) for cell in cells), fillvalue=Text()):
            yield self._line(parts)

    def _line(self, cells: Sequence[Text]) -> Text:
        line = Text(" ")
        for i, cell in enumerate(cells):
            space = " " * (self._widths[i] - cell.cell_len)
            line.append(self._between if i else "")
            line.append(space if self._headings[i].right else "")
            line.append_text(cell)
            line.append("" if self._headings[i].right else space)
        line.rstrip()
        return line


def _split(cell: Text) -> Sequence[Text]:
    return list(cell.split("\n", allow_blank=True)) if "\n" in cell.plain else [cell]


def _width(cell: Text) -> int:
    return max(part.cell_len for part in _split(cell))


def _with_notes(
    grid: Grid, rows: Sequence[Sequence[Text]], above: _Columns, width: int
) -> Iterator[Text]:
    yield from above.head()
    for number, row in enumerate(rows):
        yield from above.row(number)
        for heading, cell in zip(grid.headings, row, strict=True):
            if heading.note and cell:
                for part in _prose(cell, width - len(_NOTE_INDENT)):
                    yield Text(_NOTE_INDENT) + part


def _records(grid: Grid, rows: Sequence[Sequence[Text]], width: int) -> Iterator[Text]:
    names = [visible(heading.name) for heading in grid.headings]
    name_width = max(map(cell_len, names), default=0)
    room = width - name_width - len(_BESIDE_NAME)
    for number, row in enumerate(rows, start=1):
        yield Text(f"-[ {number} ]".ljust(min(width, name_width + len(_BESIDE_NAME)), "-"))
        for name, heading, cell in zip(names, grid.headings, row, strict=True):
            head = name + " " * (name_width - cell_len(name)) + _BESIDE_NAME
            prose = heading.note and cell and room >= _LEAST_NOTE
            for part in _prose(cell, room) if prose else _split(cell):
                line = Text(head) + part
                line.rstrip()
                yield line
                head = " " * cell_len(head)


def _prose(cell: Text, width: int) -> Sequence[Text]:
    """Lines that end between words; a word longer than a line stays whole."""
    return [Text(part) for part in wrapped(cell.plain, width, hanging="").split("\n")]
