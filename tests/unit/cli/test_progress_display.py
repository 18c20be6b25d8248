"""Progress as plain lines and as bars."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from rowmill.cli import progress_display as progress_display_module
from rowmill.cli.progress_display import progress_display
from rowmill.destinations.patience import Waited, Waiting
from rowmill.local.run.progress import Phase, Snapshot, TableState
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.tally import TableProgress

RUN = Run(
    "id", "o", "u", 7, RunState.RUNNING, Plan("d", 1, (), ()), datetime.now(UTC), None, "", {}
)
NAME = "[bold]a[/bold] {task}"
TABLES = (
    TableState(NAME, 259_999, 1_000_000, TableProgress(copied=250_000), 40_000),
    TableState("empty", 0, 0, TableProgress()),
)
LOADING = Snapshot(RUN, False, Phase.LOADING, "", 10.0, 0, TABLES, {}, 25_000.0)


def test_plain_lines_come_at_each_turn_and_not_more_often_than_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_display("plain", 3600) as show:
        for snapshot in (
            LOADING,
            LOADING,
            replace(LOADING, phase=Phase.FINALIZING, step="primary key of a"),
            replace(LOADING, phase=Phase.VERIFYING),
            # Of how far it is bars tell, and lines only once the interval is over.
            replace(LOADING, phase=Phase.VERIFYING, step="comparing a, 3 %"),
            replace(LOADING, phase=Phase.COMPLETE),
        ):
            show(snapshot)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "run 7 loading: 259,999 of 1,000,000 rows durable (25 %), 40,000 more on their way, "
        f"25 k rows/s, ETA 29.6 s; {NAME} 25 %",
        "run 7 finalizing: primary key of a",
        "run 7 verifying: 259,999 of 1,000,000 rows durable (25 %)",
        "run 7 complete: 259,999 of 1,000,000 rows durable (25 %)",
    ]


def test_before_any_rows_are_durable_no_rate_and_no_end_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = TableState("a", 0, 1_000_000, TableProgress(generated=900_000), 900_000)
    with progress_display("plain", 3600) as show:
        show(replace(LOADING, tables=(sent,), rows_per_second=0.0))
    assert capsys.readouterr().err == (
        "run 7 loading: 0 of 1,000,000 rows durable (0 %), 900,000 more on their way; a 0 %\n"
    )


def test_between_two_tables_nothing_is_said_to_be_starting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = TableState("a", 200, 200, TableProgress())
    after = TableState("b", 0, 1_000_000, TableProgress())
    with progress_display("plain", 3600) as show:
        show(replace(LOADING, tables=(before, after), loading=0.3, rows_per_second=200.0))
        show(replace(LOADING, phase=Phase.PREPARING))
        show(replace(LOADING, tables=(after,), rows_per_second=0.0))
    first, _, last = capsys.readouterr().err.splitlines()
    assert first == "run 7 loading: 200 of 1,000,200 rows durable (0 %), 200 rows/s"
    assert last == "run 7 loading: 0 of 1,000,000 rows durable (0 %); starting"


@pytest.mark.parametrize(("width", "length"), [(80, 8), (120, 30)])
def test_a_bar_keeps_its_place_and_length_whatever_is_told_beside_it(
    monkeypatch: pytest.MonkeyPatch, width: int, length: int
) -> None:
    full = replace(LOADING, tables=(TableState("orders", 50, 50, TableProgress()),))
    shown = []
    for snapshot in (
        replace(full, phase=Phase.PREPARING),
        replace(full, rows_per_second=0.0),
        full,
        replace(full, phase=Phase.FINALIZING, step="foreign key orders_customer_id_fkey of orders"),
    ):
        screen = StringIO()
        console = Console(file=screen, force_terminal=False, width=width)
        monkeypatch.setattr("rich.console.Console", lambda stderr, c=console: c)
        with progress_display("bars", 1) as show:
            show(snapshot)
        shown.append(next(line for line in screen.getvalue().splitlines() if "run 7" in line))
    assert {(line.index("━"), line.count("━")) for line in shown} == {(18, length)}


def test_none_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_display("none", 1) as show:
        show(LOADING)
    assert capsys.readouterr() == ("", "")


def test_bars_show_hostile_names_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with progress_display("bars", 1) as show:
        show(LOADING)
        show(replace(LOADING, phase=Phase.FINALIZING, step="key of [red]"))
        show(replace(LOADING, phase=Phase.COMPLETE))
    out, err = capsys.readouterr()
    assert out == ""
    assert NAME in err
    assert "25%" in err
    assert "━━━━━━━╌ " in err, "what is durable, and what is on its way beyond"


def test_a_wait_is_a_line_below_the_bars_that_counts_down_until_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr("rich.console.Console", lambda stderr: console)
    now = [100.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(progress_display_module, "time", clock)
    with progress_display("bars", 1) as show:
        show(LOADING)
        show.wait(Waiting("Postgres at db:5432", "connection refused", 58.4))
        now[0] += 10
        # It is drawn anew by itself, without any news.
        deadline = time.monotonic() + 60
        while "another 48 s" not in screen.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
        before = screen.getvalue()
        show.wait(Waited("Postgres at db:5432", answered=True))
    # Each drawing begins with wiping out the one before.
    shown_last = screen.getvalue().rpartition("\x1b[2K")[2]
    told = "Postgres at db:5432: connection refused; trying again for another"
    assert f"{told} 58 s" in before
    assert f"{told} 48 s" in before
    assert "Postgres" not in shown_last


def test_without_a_terminal_a_wait_is_told_in_lines_whatever_the_progress(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for style in ("plain", "none"):
        with progress_display(style, 1) as show:
            for left in (58.0, 57.0, 50.0):
                show.wait(Waiting("S3 at x", "answers 503 SlowDown", left))
            show.wait(Waited("S3 at x", answered=True))
        assert capsys.readouterr().err.splitlines() == [
            "rowmill: S3 at x: answers 503 SlowDown; trying again for another 58 s",
            "rowmill: S3 at x: it answers again",
        ]
