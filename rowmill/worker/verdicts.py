"""What came of verifying a run, kept with the ledger's record of it for whoever looks."""

from __future__ import annotations

from dataclasses import replace

from rowmill.destinations.ledger import RunRecords
from rowmill.engine.verdict import Verdict
from rowmill.plan.runs import Run, RunState

# In a run's summary.
_VERIFICATION = "verification"


def keep_verdict(runs: RunRecords, run: Run, verdict: Verdict | None) -> Run:
    """Keep what is known of a run's data, None for nothing; the run as it is then."""
    kept = {_VERIFICATION: None if verdict is None else verdict.to_json()}
    runs.note(run.id, kept)
    return replace(run, summary={**run.summary, **kept})


def kept_verdict(run: Run) -> Verdict | None:
    """What is kept; None if nobody asked, or another release wrote what this one cannot read."""
    kept = run.summary.get(_VERIFICATION)
    try:
        return None if kept is None else Verdict.from_json(kept)
    except (TypeError, AttributeError):
        return None


def awaits_verdict(run: Run) -> bool:
    """Whether it is published, and its verification has not come to an end."""
    verdict = kept_verdict(run)
    return run.state is RunState.COMPLETED and verdict is not None and verdict.awaited
