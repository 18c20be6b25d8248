"""What worker pods say, for the tests of what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping

from rowmill.plan.intervals import Interval
from rowmill.plan.pod_progress import PodProgress, TableProgress

NO_CUT: Mapping[str, int] = {}


def pod_progress(
    rows: int,
    rows_per_second: float,
    step: str,
    batches: Mapping[str, tuple[Interval, ...]],
    notice: str = "",
    batch_rows: Mapping[str, int] = NO_CUT,
) -> PodProgress:
    """A pod's answer, with each table's durable batches and the rows of one where they are told."""
    tables = (
        TableProgress(name, 0, intervals, batch_rows.get(name))
        for name, intervals in batches.items()
    )
    return PodProgress(rows, rows_per_second, step, notice, tuple(tables))
