"""A list of experiments, a line each: the same from a machine and a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.engine.records import ExperimentRecord, RunRecord
from rowmill.terminal import figures
from rowmill.terminal.prose import say
from rowmill.terminal.tables import Grid, Heading, print_grid
from rowmill.views.verdicts import verdict_word

_HEADINGS = [
    Heading("experiment"),
    Heading("run", right=True),
    Heading("state"),
    *(Heading(name, right=True) for name in ("rows", "of", "%", "rate", "ETA")),
    Heading("message", note=True),
]


def show_experiments(found: Sequence[ExperimentRecord], place: str) -> None:
    """Print experiments, each with its newest run; `place` is where they are, or none is yet."""
    if not found:
        say(f"no experiments yet {place}")
        return
    print_grid(Grid(_HEADINGS, [_line(each) for each in found]))


def _line(each: ExperimentRecord) -> tuple[str, ...]:
    progress = each.newest
    run, speed, eta = progress.run, progress.rows_per_second, progress.eta_seconds
    begun = run.number is not None
    return (
        each.name,
        str(run.number) if begun else "",
        run.state.value,
        figures.count(run.rows) if begun else "",
        figures.count(run.rows_total or 0) if begun else "",
        str(progress.percent) if begun else "",
        figures.rate(speed) if speed is not None else "",
        figures.duration(eta) if eta is not None else "",
        "; ".join(filter(None, (run.message, _verdict(run)))),
    )


def _verdict(run: RunRecord) -> str:
    return "" if run.verification is None else verdict_word(run.verification)
