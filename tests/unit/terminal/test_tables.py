"""Tables on screens of any width, and where there is no screen."""

import re

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from rowmill.terminal.bars import Bar, Bars
from rowmill.terminal.figures import short
from rowmill.terminal.tables import Grid, Heading, lines
from rowmill.views.runs import RUN_HEADINGS

LONG = "n" * 63
WIDE = "顧客" * 15
BIG = "1,000,000,000,000"
FIGURES = Grid(
    [Heading("table"), *(Heading(name, right=True) for name in ("rows", "B/row", "bytes"))],
    [("orders", BIG, "81", "73.7 TiB"), (WIDE, "7", "8", "56 B")],
    "shop",
)
MANY = Grid([Heading(f"column {i}") for i in range(30)], [[f"value {i}" for i in range(30)]])
RUNS = Grid(
    RUN_HEADINGS,
    [
        ("shop", "1", "COMPLETED", BIG, "2026-01-02 03:04", "1h02m", "replaced by run 2"),
        (
            "shop",
            "2",
            "FAILED",
            "0",
            "2026-01-02 05:04",
            "0.4 s",
            "Postgres at db: " + "word " * 30,
        ),
        ("shop", "3", "COMPLETED", "7", "2026-01-02 06:04", "0.4 s", ""),
    ],
)


def _shown(grid: Grid, width: int | None, **how: bool) -> list[str]:
    return [line.plain for line in lines(grid, width, **how)]


def test_a_grid_holds_figures_to_the_right_and_names_to_the_left() -> None:
    grid = Grid(FIGURES.headings, [("orders", BIG, "81", "7 B"), ("p", "7", "8", "5 B")], "shop")
    assert _shown(grid, 80) == [
        "shop",
        " table                rows  B/row  bytes",
        "─────────────────────────────────────────",
        " orders  1,000,000,000,000     81    7 B",
        " p                       7      8    5 B",
    ]


@pytest.mark.parametrize("grid", [FIGURES, MANY, RUNS])
@pytest.mark.parametrize("width", [40, 80, 120, None])
def test_no_value_is_cut_or_broken_at_any_width(grid: Grid, width: int | None) -> None:
    shown = _shown(grid, width)
    words = {word for line in shown for word in line.split()}
    for row in grid.rows:
        for cell in row:
            assert words >= set(str(cell).split())


@pytest.mark.parametrize("grid", [FIGURES, MANY, RUNS])
@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_screen(grid: Grid, width: int) -> None:
    assert max(cell_len(line) for line in _shown(grid, width)) <= width


def test_without_a_screen_each_row_is_one_line() -> None:
    assert len(_shown(MANY, None)) == 3
    assert len(_shown(RUNS, None)) == 5


def test_a_table_too_wide_becomes_a_record_for_each_row() -> None:
    assert _shown(FIGURES, 40) == [
        "shop",
        "-[ 1 ]--",
        "table | orders",
        f"rows  | {BIG}",
        "B/row | 81",
        "bytes | 73.7 TiB",
        "-[ 2 ]--",
        f"table | {WIDE}",
        "rows  | 7",
        "B/row | 8",
        "bytes | 56 B",
    ]


def test_prose_goes_below_its_row_before_the_table_gives_way() -> None:
    shown = _shown(RUNS, 80)
    assert re.match(r" experiment +run +state +rows +started \(UTC\) +took$", shown[0])
    assert shown[3] == "    replaced by run 2"
    assert [line[:4] for line in shown[5:8]] == ["    "] * 3
    assert " ".join(shown[5:8]).split()[-1] == "word"
    assert shown[8].startswith(" shop")
    assert len(shown) == 9


def test_prose_in_a_record_ends_its_lines_between_words() -> None:
    shown = _shown(RUNS, 60)
    started = shown.index("message       | Postgres at db: word word word word word")
    assert shown[started + 1].split() == ["word"] * 9
    assert max(map(len, shown)) <= 60


def test_a_wide_character_takes_two_columns() -> None:
    grid = Grid([Heading("a"), Heading("b")], [("顧客", "x"), ("ab", "y")], ruled=True)
    assert _shown(grid, 12) == [" a    │ b", "──────┼───", " 顧客 │ x", " ab   │ y"]
    assert _shown(grid, 9)[0] == "-[ 1 ]"


def test_a_repeated_name_stands_once_in_a_grid_and_in_every_record() -> None:
    grid = Grid([Heading("t", once=True), Heading("n")], [("a", "1"), ("a", "2"), ("b", "3")])
    assert [line.split() for line in _shown(grid, 80)[2:]] == [["a", "1"], ["2"], ["b", "3"]]
    assert [line for line in _shown(grid, 3) if line.startswith("t")] == ["t | a", "t | a", "t | b"]


def test_a_cell_of_several_lines_keeps_them() -> None:
    grid = Grid([Heading("a"), Heading("b")], [("one\ntwo", "x")])
    assert _shown(grid, 80)[2:] == [" one  x", " two"]
    assert _shown(grid, 5)[1:] == ["a | one", "    two", "b | x"]


@pytest.mark.parametrize("width", [3, 80, None])
def test_nothing_in_a_cell_steers_the_terminal(width: int | None) -> None:
    grid = Grid([Heading("a\x1b[1m")], [("\x1b]0;mine\x07\r\t\x9b2J\u202e",)], "\x1b[2J")
    shown = "\n".join(_shown(grid, width))
    assert "\\x1b]0;mine\\x07\\r\\t\\x9b2J\\u202e" in shown
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown) is None


def test_lines_are_ascii_where_nothing_else_can_be_written() -> None:
    grid = Grid([Heading("a"), Heading("b")], [("x", "y")], ruled=True)
    assert _shown(grid, None, ascii_only=True) == [" a | b", "---+---", " x | y"]


def test_styles_stay_with_their_cells() -> None:
    grid = Grid([Heading("a"), Heading("b")], [("x", Text("same", "green"))])
    [line] = list(lines(grid, 80))[2:]
    assert [(line.plain[span.start : span.end], span.style) for span in line.spans] == [
        ("same", "green")
    ]


def test_a_checksum_is_short_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    assert short(digest) == digest
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert short(digest) == "sha256:0123456789ab…"
    assert short("0123456789ab") == "0123456789ab"


def test_a_long_name_takes_no_figures_from_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    figures = "960,000,000 rows, 680 k rows/s, ETA 1h02m"
    console = Console(width=80, force_terminal=True, color_system=None)
    with Bars(console, transient=False) as bars:
        bars.table(LONG, Bar(1, 2, 50, figures))
        bars.whole("run 1 loading", Bar(1, 2, 50, figures))
    frame = capsys.readouterr().out.rpartition("\x1b[2K")[2]
    assert frame.count(figures) == 2
    assert "━━━     50%" in frame
