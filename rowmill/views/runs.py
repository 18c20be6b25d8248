"""How far a run is, table by table, and the list of runs: the same from a machine and a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rowmill.engine.records import Progress, RunRecord, State
from rowmill.plan.replacement import with_replaced
from rowmill.terminal import figures
from rowmill.terminal.prose import say
from rowmill.terminal.tables import Grid, Heading, print_grid
from rowmill.views.verdicts import verdict_sentence, verdict_word
from rowmill.views.watching import explained, in_steps

_TABLE_HEADINGS = (
    Heading("table"),
    *(Heading(name, right=True) for name in ("rows", "of", "%", "batches", "of")),
)
RUN_HEADINGS = (
    Heading("experiment"),
    Heading("run", right=True),
    Heading("state"),
    Heading("rows", right=True),
    Heading("started (UTC)"),
    Heading("took", right=True),
    Heading("message", note=True),
)
_TO_EXPLAIN = frozenset({State.FAILED, State.ABORTED, State.UNKNOWN})
_ENDED_EARLY = frozenset({State.FAILED, State.ABORTED, State.SUSPENDED})


def show_progress(progress: Progress, going_on: str) -> None:
    """Print how far a run is, table by table, and what it does or waits for.

    `going_on` is how one goes on with a run that has stopped, with the face's own commands.
    """
    run = progress.run
    number = "" if run.number is None else f", run {run.number}"
    show_tables(progress, f"{run.namespace}/{run.experiment}{number}: {run.state}")
    if run.number is not None:
        show_whole(progress)
    if in_steps(progress):
        say(f"now: {progress.step}")
    for line in lines_of(run, going_on):
        say(line)


def lines_of(run: RunRecord, going_on: str) -> Iterator[str]:
    """What is said of a run below its tables; `going_on` as of `show_progress`."""
    given = (("--scale", run.scale), ("--seed", run.seed))
    options = " ".join(f"{option} {value}" for option, value in given if value is not None)
    if options:
        yield f"started with {options}"
    if text := explained(run):
        yield text
    if run.verification is not None:
        yield verdict_sentence(run, run.verification)
    if run.state in _ENDED_EARLY:
        yield going_on


def show_tables(progress: Progress, title: str) -> None:
    """Print how far each table is; the title alone while there are none."""
    if not progress.tables:
        say(title)
        return
    rows = [
        (
            each.name,
            figures.count(each.rows),
            figures.count(each.rows_total),
            str(each.percent),
            figures.count(each.batches_done),
            figures.count(each.batches),
        )
        for each in progress.tables
    ]
    print_grid(Grid(_TABLE_HEADINGS, rows, title))


def show_whole(progress: Progress) -> None:
    """Print how far the run is as a whole."""
    done = figures.durable(progress.run.rows, progress.run.rows_total or 0)
    say(f"{done} ({progress.percent} %)")


def show_runs(found: Sequence[RunRecord], now: datetime, place: str) -> None:
    """Print runs, a line each.

    Args:
        found: what is remembered.
        now: by the clock that their times are of.
        place: where they are, or none is yet.
    """
    if not found:
        say(f"no runs yet {place}")
        return
    rows = [
        (
            each.experiment,
            str(each.number),
            each.state.value,
            figures.count_of(each.rows, each.rows_total),
            figures.moment(each.started_at) if each.started_at else "",
            figures.duration(each.took(now)),
            with_replaced(_why(each), each.replaced_by),
        )
        for each in found
    ]
    print_grid(Grid(RUN_HEADINGS, rows))


def _why(run: RunRecord) -> str:
    """Its message, and a word on its data if somebody asked for that.

    Of a past run only the reason is kept; it stands for the message where it explains much.
    """
    why = run.message or (run.reason or "" if run.state in _TO_EXPLAIN else "")
    verdict = "" if run.verification is None else verdict_word(run.verification)
    return "; ".join(filter(None, (why, verdict)))
