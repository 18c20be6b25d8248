"""Keep as many records of ended runs as the manifest's `runHistoryLimit` says."""

from __future__ import annotations

from contextlib import suppress

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.plan.run_source import source_of
from rowmill.plan.runs import Run
from rowmill.worker.destinations import Destinations
from rowmill.worker.previous_run import wrote_elsewhere
from rowmill.worker.run_history import beyond_limit


def forget_old_runs(destinations: Destinations) -> None:
    """Remove the records of the experiment's runs beyond the limit.

    Of a run whose objects may still be elsewhere they stay, since a reset finds them by these. What
    cannot be removed now is removed when a later run begins or ends.
    """
    ledger, limit = destinations.ledger, destinations.spec.run_history_limit
    elsewhere: dict[str, bool] = {}

    def is_needed(run: Run) -> bool:
        source = source_of(run)
        if source is None:
            return True
        # Hundreds of runs may be of one manifest, which takes long to read.
        key = f"{source.cluster}{source.manifest}"
        if key not in elsewhere:
            elsewhere[key] = wrote_elsewhere(run, destinations)
        return elsewhere[key]

    with suppress(DestinationRefused, DestinationUnavailable):
        old = beyond_limit(ledger.runs.of(destinations.owner), limit)
        forgotten = [run for run in old if not is_needed(run)]
        if forgotten:
            ledger.forget_runs(forgotten)
