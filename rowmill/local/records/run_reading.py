"""How far a run is, read from its ledger: once and exactly, or cheaply over and over."""

from __future__ import annotations

from rowmill.engine.records import Progress
from rowmill.local.records.run_records import progress, progress_told
from rowmill.plan.runs import Run, RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.reading import abandoned, told, verdict_on


def read_progress(
    run: Run,
    destinations: Destinations,
    *,
    replaced_by: int | None = None,
    followed: bool = False,
) -> Progress:
    """How far `run`, as it was read just now, is: its rows are those that the ledger holds.

    Args:
        replaced_by: the number of the run that took the place of its published data.
        followed: a later run has begun.
    """
    known = run.state in (RunState.COMPLETED, RunState.RESET)
    durable = None if known else destinations.durable(run)
    left_alone = abandoned(run, destinations.ledger)
    said = told(run, destinations.ledger)
    return progress(
        run,
        durable,
        left_alone=left_alone,
        replaced_by=replaced_by,
        told=said,
        verification=verdict_on(run, destinations.ledger, followed=followed),
    )


def watch_progress(run: Run, destinations: Destinations, *, followed: bool = False) -> Progress:
    """As `read_progress`, for who asks every second, of whom there may be many.

    While its supervisor tells how far it is, the ledger's batches are not read, of which there may
    be a million: the rows are then a few seconds behind them. It has told a moment ago, so nobody
    asks either whether it lives.
    """
    said = told(run, destinations.ledger)
    if said is not None and said.fresh:
        return progress_told(run, said)
    return read_progress(run, destinations, followed=followed)
