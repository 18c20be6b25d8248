"""Runs of an experiment, and what a start observes of them."""

from __future__ import annotations

from datetime import UTC, datetime

from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.start.observation import LedgerView, Observation

OLD, NEW = "sha256:old", "sha256:new"
RESUMABLE = [RunState.RUNNING, RunState.FINALIZING, RunState.FAILED, RunState.ABORTED]


def run(
    number: int, state: RunState, digest: str = NEW, data_version: int = 1, uid: str = "u"
) -> Run:
    """One of an empty plan."""
    plan = Plan(digest, data_version, (), ())
    return Run(f"{uid}{number}", "o", uid, number, state, plan, datetime.now(UTC), None, "", {})


def ledger_of(*runs: Run, uid: str | None = "u", older: str = "") -> LedgerView:
    """A ledger with these runs; `older` are uids of which it had runs besides."""
    uids = frozenset(run.uid for run in runs) | frozenset(older.split())
    return LedgerView(uid, uids, runs)


def observed(
    *runs: Run, uid: str | None = "u", intact: bool | None = None, adopted: Run | None = None
) -> Observation:
    """A ledger with these runs, over targets in which readers see the published run, or `adopted`.

    Args:
        intact: whether all data of the published run is there; None: that is not to be asked.
    """

    def is_intact(run: Run) -> bool:
        assert intact is not None, f"nobody need look for the data of run {run.number}"
        return intact

    return Observation(ledger_of(*runs, uid=uid), is_intact, lambda: adopted)
