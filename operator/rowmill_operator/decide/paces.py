"""How fast a run's rows become durable, by what its status kept of how they grew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rowmill.plan.pace import Pace, eta_seconds
from rowmill.spec.cluster_names import SHARD
from rowmill.spec.manifest.status import RunStatus
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import moment
from rowmill_operator.model.run_condition import timestamp
from rowmill_operator.model.run_in_status import without_pace

# A part becomes durable as a whole: for this long nothing may do so although pods make rows.
_QUIET = timedelta(seconds=30)


def paced(situation: Situation, run: RunStatus, rows: int, total: int) -> RunStatus:
    """The run with its pace of now, without one where it is not known.

    It is known from when rows grew until all are there.

    Args:
        run: the run, with its rows of when they last grew.
        rows: the durable ones now.
        total: the planned ones.
    """
    job, now = situation.job(SHARD), situation.now
    if job is None or rows >= total:
        return without_pace(run)
    if not run.rows_grew_at:
        # From here on they are watched.
        at_work = any(pod.running for pod in situation.live_pods())
        return replace(without_pace(run), rows_grew_at=timestamp(now) if at_work else None)
    grew = moment(run.rows_grew_at, now)
    since, before = job.created.timestamp(), run.rows or 0
    pace = Pace(since, grew.timestamp(), before, _mean_of(run, total - before))
    after = pace.on(rows, now.timestamp())
    rate = after.rate
    if after is pace and now - grew > _QUIET and _nothing_is_made(situation):
        rate = 0.0
    eta = eta_seconds(rows, total, rate)
    return replace(
        run,
        rows_per_second=None if rate is None else _whole(rate),
        eta_seconds=None if eta is None else round(eta),
        rows_grew_at=run.rows_grew_at if after is pace else timestamp(now),
    )


def _whole(rate: float) -> int:
    """The rate as it is told: 0 says that nothing gets on, so what does is at least 1."""
    return max(1, round(rate)) if rate else 0


def _mean_of(run: RunStatus, left: int) -> float | None:
    """The mean that the record tells, None before any and after a time in which nothing got on.

    Rate and ETA are both whole numbers, of which the greater one has lost less to rounding: the
    ETA of a run that makes a row now and then. `left` are the rows that it is of.
    """
    reported, eta = run.rows_per_second, run.eta_seconds
    if not reported:
        return None
    return left / eta if eta and eta > reported else reported


def _nothing_is_made(situation: Situation) -> bool:
    """Whether pods are known to make no rows, by their own word where any of them runs."""
    reports = situation.observed.progress.values()
    if any(report.rows_per_second for report in reports):
        return False
    return bool(reports) or not any(pod.running for pod in situation.live_pods())
