"""How fast a run's rows become durable, by what its status kept of how they grew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rowmill.plan.pace import Pace, eta_seconds
from rowmill.spec.cluster_names import SHARD
from rowmill.spec.manifest.status import RunStatus
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import moment
from rowmill_operator.model.observed import Job, Pod
from rowmill_operator.model.run_condition import timestamp
from rowmill_operator.model.run_in_status import without_pace

# A part becomes durable as a whole: for this long nothing may do so although pods make rows.
_QUIET = timedelta(seconds=30)
# So long after its plan a run's first Job is there.
_AT_ONCE = timedelta(seconds=30)
# Who asks a pod for its progress in vain for so long does not wait for that.
_LONG_SILENT = timedelta(seconds=60)


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
        since_now = timestamp(now) if _grow_from_now(situation, job, run) else None
        return replace(without_pace(run), rows_grew_at=since_now)
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


def _grow_from_now(situation: Situation, job: Job, run: RunStatus) -> bool:
    """Whether pods are at work, and rows that are more later are made from now on.

    The pods of a Job that was made again find what others made before them, also such as nobody has
    counted. That is known once each has told what there is.
    """
    running = [pod for pod in situation.live_pods() if pod.running]
    if not running:
        return False
    first = job.created - moment(run.started_at, job.created) < _AT_ONCE and not run.resume
    return first or all(_has_told(situation, pod) for pod in running)


def _has_told(situation: Situation, pod: Pod) -> bool:
    """Whether it has told what there is of its shard, or would have by now."""
    report = situation.observed.progress.get(-1 if pod.index is None else pod.index)
    told = report is not None and bool(report.run or report.rows or report.tables)
    return told or situation.now - pod.created > _LONG_SILENT


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
