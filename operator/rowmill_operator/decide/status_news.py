"""What of a status is news to its readers, and what of that they should be told at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.model.run_condition import timestamp
from rowmill_operator.model.run_in_status import without_figures


def news(
    before: ExperimentStatus, after: ExperimentStatus, now: datetime
) -> ExperimentStatus | None:
    """The status to write, its run with the time of this change, or None if nothing changed."""
    if _timeless(after) == _timeless(before):
        return None
    if after.run is None:
        return after
    return replace(after, run=replace(after.run, last_updated=timestamp(now)))


def more_than_progress(before: ExperimentStatus, after: ExperimentStatus) -> bool:
    """Whether a reader should be told at once."""
    return _without_progress(before) != _without_progress(after)


def _without_progress(status: ExperimentStatus) -> ExperimentStatus:
    """Without what changes from poll to poll and may wait."""
    status = _timeless(status)
    return replace(
        status,
        run=None if status.run is None else without_figures(status.run),
        tables=None,
        workers=None,
        conditions=tuple(replace(one, message="") for one in status.conditions or ()),
    )


def _timeless(status: ExperimentStatus) -> ExperimentStatus:
    """The status without the time of the last look."""
    if status.run is None:
        return status
    return replace(status, run=replace(status.run, last_updated=None))
