"""Published data compared with its rows made again: when, by which Job, and what came of it.

A verify reads, so it keeps no run waiting but for one moment: the tables that it reads cannot be
dropped, and so it is gone before a run is finalized, or data removed, and asked again afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from rowmill.counting import counted
from rowmill.plan.pod_report import PodReport, VerifyReport
from rowmill.spec.cluster_names import ASK_VERIFY, FINALIZE, RESET, SHARD
from rowmill.spec.manifest.status import PastRunStatus, RunStatus, VerificationStatus
from rowmill.spec.wishes import Wish, read_wish
from rowmill_operator.children.jobs import verify_job
from rowmill_operator.decide.diagnosis import Diagnosis, end_of, pods_of, refused_child, waiting_for
from rowmill_operator.decide.ending import is_late, report_of
from rowmill_operator.decide.freezing import plan_again, refused_plan
from rowmill_operator.decide.remaking import Remaking, remade_wish
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import IDLE_SECONDS, SOON, Step, Verifying, moment
from rowmill_operator.model.actions import CreateJob, delete_jobs
from rowmill_operator.model.observed import Job
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.run_condition import Verified, timestamp
from rowmill_operator.model.run_in_status import past_run, published_run
from rowmill_operator.model.shortening import shortened

_WORDS = 1_024


def verifying(situation: Situation, step: Step) -> Verifying:
    """Take a verification one step on; `step` is what this look at the run comes to."""
    record = situation.experiment.status.verification
    wish = _wish(situation, record)
    going, job = _sorted_out(situation, wish, record)
    # An answer counts, whatever would have ended the pod that gave it.
    over = job is not None and not _is_at_work(job)
    held = None if wish is None or over else _held_up(situation, wish)
    left, again = _left(situation, record)
    if wish is None:
        found = Verifying(_verified(situation, step, record), record, again_after=again)
    elif held is not None:
        found = Verifying(held, record, () if job is None else delete_jobs((job,)))
    elif job is not None:
        found = _watched(situation, step, job, wish, record)
    elif situation.verify_jobs:
        words = "waits for the Job of before"
        found = Verifying(_under_way(wish, words), record, again_after=SOON)
    else:
        found = _begun(situation, wish, record)
    return replace(found, actions=(*delete_jobs((*going, *left)), *found.actions))


def _wish(situation: Situation, record: VerificationStatus | None) -> Wish | None:
    """What is asked of the published run and has not been met: by people, or after each run."""
    published = situation.published
    if published is None:
        return None
    wish = read_wish(situation.experiment.annotations.get(ASK_VERIFY))
    met = "" if record is None else record.request
    if wish is not None and wish.number == published.number and not wish.is_met_by(met):
        return wish
    by_itself = situation.experiment.settings.get("verify") == "AfterRun"
    if by_itself and (record is None or record.run != published.number):
        return Wish(str(published.number), published.number)
    return None


def _held_up(situation: Situation, wish: Wish) -> Verified | None:
    """Why none is begun or goes on at this moment, None if nothing forbids it."""
    number, newest = wish.number, situation.number
    if is_being_finalized(situation):
        message = (
            f"the verify of run {number} makes way for run {newest}, which is being published: "
            "what is read cannot be dropped"
        )
        return Verified(None, Reason.MAKING_WAY, message)
    if (situation.reset is not None and situation.outcome) or _is_at_work(situation.job(RESET)):
        return Verified(None, Reason.MAKING_WAY, f"run {newest} is to be reset")
    if situation.desired.suspend:
        return Verified(None, Reason.SUSPENDED, "spec.suspend is true: no pod is started")
    return None


def is_being_finalized(situation: Situation) -> bool:
    """Whether the newest run replaces the published one at any moment from now."""
    if situation.ended:
        return False
    shards, finalize = situation.job(SHARD), situation.job(FINALIZE)
    return finalize is not None or (shards is not None and shards.complete)


def _is_at_work(job: Job | None) -> bool:
    return job is not None and not (job.complete or job.failed)


def _sorted_out(
    situation: Situation, wish: Wish | None, record: VerificationStatus | None
) -> tuple[list[Job], Job | None]:
    """The Jobs that go, and that of the wish. One that was met stays, with its pod's log."""
    going, found = [], None
    for job in situation.verify_jobs:
        this = (job.number, job.request)
        if wish is not None and this == (wish.number, wish.request) and not job.deleted:
            found = job
        elif wish is not None or record is None or this != _met(situation, record):
            going.append(job)
    return going, found


def _met(situation: Situation, record: VerificationStatus) -> tuple[int, str] | None:
    """What the Job bears that met the last request, None of a run that is not the newest now."""
    return (record.run, record.request) if record.run == situation.number else None


def _left(
    situation: Situation, record: VerificationStatus | None
) -> tuple[list[Job], float | None]:
    """The Jobs whose time is over once they have ended, and when to look for it again."""
    ttl = situation.desired.ttl
    if ttl is None or record is None or not situation.verify_jobs:
        return [], None
    over = moment(record.finished_at, situation.now) + timedelta(seconds=ttl)
    if over > situation.now:
        return [], (over - situation.now).total_seconds()
    return [job for job in situation.verify_jobs if job.request == record.request], None


def _begun(situation: Situation, wish: Wish, record: VerificationStatus | None) -> Verifying:
    plan = next((plan for plan in situation.plans if plan.number == wish.number), None)
    if plan is None:
        return _without_plan(situation, wish, record)
    manifest = verify_job(
        situation.experiment, plan, situation.desired, situation.settings, wish.request
    )
    refusal = refused_child(manifest["metadata"]["name"], situation.observed, situation.now)
    return Verifying(_waiting(wish, refusal), record, (CreateJob(manifest),))


def _without_plan(situation: Situation, wish: Wish, record: VerificationStatus | None) -> Verifying:
    """The plan of the newest run is made again as it was, that of another cannot be."""
    lost = f"the ConfigMap of run {wish.number} is gone"
    if wish.number != situation.number:
        return Verifying(Verified(None, Reason.NOT_VERIFIED, lost), record)
    if situation.refused:
        why = f"{lost}, and the spec is refused"
        return Verifying(Verified(None, Reason.INVALID_SPEC, why), record)
    if situation.verdict is None or situation.verdict.digest != situation.digest:
        return Verifying(Verified(None, Reason.NOT_VERIFIED, lost), record)
    verified = _waiting(wish, refused_plan(situation))
    return Verifying(verified, record, (plan_again(situation),), again_after=SOON)


def _watched(
    situation: Situation, step: Step, job: Job, wish: Wish, record: VerificationStatus | None
) -> Verifying:
    met = _ended(situation, job)
    if met is not None:
        return Verifying(_verified(situation, step, met), met, again_after=SOON)
    if job.complete or job.failed:
        return Verifying(_under_way(wish, "waits for its pod's last word"), record, again_after=1.0)
    diagnosis = waiting_for(job, situation.desired.queue, situation.observed, situation.now)
    remaking = remade_wish(situation, job, diagnosis) or Remaking((), IDLE_SECONDS)
    said = situation.observed.verifying
    at_work = "" if said is None else said.notice or said.step
    verified = _waiting(wish, diagnosis, at_work)
    return Verifying(verified, record, remaking.actions, remaking.again_after)


def _ended(situation: Situation, job: Job) -> VerificationStatus | None:
    """What came of a Job that has ended, None while it has not, or its pod may yet be heard."""
    report = next(_reports(situation, job), None)
    if report is not None and (job.complete or job.failed):
        return _compared(situation, job, report)
    if job.complete:
        heard = report_of(situation, job)
        return None if heard is None else _unheard(situation, job, heard)
    if job.failed is None:
        return None
    end = end_of(job, situation.observed.pods)
    if not end.heard and not is_late(situation, job):
        return None
    return _unknown(situation, job, end.diagnosis.reason, end.diagnosis.message)


def _reports(situation: Situation, job: Job) -> Iterator[VerifyReport]:
    for pod in reversed(pods_of(job, situation.observed.pods)):
        if pod.termination is not None and pod.termination.report.verified is not None:
            yield pod.termination.report.verified


def _compared(situation: Situation, job: Job, report: VerifyReport) -> VerificationStatus:
    return VerificationStatus(
        request=job.request,
        run=job.number,
        finished_at=timestamp(job.finished or situation.now),
        identical=report.identical,
        rows=report.rows,
        checksum=report.checksum,
        differences=report.differences,
        where=shortened(report.where, _WORDS) or None,
    )


def _unheard(situation: Situation, job: Job, report: PodReport) -> VerificationStatus:
    words = f'its pod\'s last words were "{report.message}"' if report.message else ""
    said = words or "its pod was gone unheard"
    return _unknown(situation, job, Reason.VERIFY_UNHEARD, f"what it found is not known: {said}")


def _unknown(situation: Situation, job: Job, reason: str, message: str) -> VerificationStatus:
    return VerificationStatus(
        request=job.request,
        run=job.number,
        finished_at=timestamp(job.finished or situation.now),
        reason=reason,
        message=shortened(message, _WORDS),
    )


def _waiting(wish: Wish, diagnosis: Diagnosis | None, at_work: str = "") -> Verified:
    """What keeps it from its work, if anything does."""
    if diagnosis is None:
        return _under_way(wish, at_work)
    return Verified(None, diagnosis.reason, diagnosis.message)


def _under_way(wish: Wish, what: str = "") -> Verified:
    message = f"the rows of run {wish.number} are made again and compared"
    return Verified(None, Reason.VERIFYING, f"{message}; {what}" if what else message)


def _verified(situation: Situation, step: Step, record: VerificationStatus | None) -> Verified:
    """What is known of the data that readers see, since the newest run has begun."""
    run = (step.record or situation.record).run
    runs = (past_run(run), *situation.runs) if run.number is not None else ()
    published = published_run({one.number: one for one in reversed(runs)}.values())
    if published is None:
        return Verified(None, Reason.NOT_VERIFIED, "nothing is published")
    if record is None or not _holds(record, published, run):
        message = f"run {published.number} has not been verified"
        return Verified(None, Reason.NOT_VERIFIED, f"{message}{_unread(situation, published)}")
    return _told(situation, record)


def _holds(record: VerificationStatus, published: PastRunStatus, newest: RunStatus) -> bool:
    """Whether it is of what is published, and has not ended before a next run began."""
    if record.run != published.number:
        return False
    return newest.number == record.run or record.finished_at > (newest.started_at or "")


def _unread(situation: Situation, published: PastRunStatus) -> str:
    """What to say of an annotation that asks for something else."""
    asked = situation.experiment.annotations.get(ASK_VERIFY)
    wish = read_wish(asked)
    if not asked or (wish is not None and wish.number == published.number):
        return ""
    return f"; {ASK_VERIFY} says {shortened(asked, 40)}, which names another"


def _told(situation: Situation, record: VerificationStatus) -> Verified:
    run = f"run {record.run}"
    if record.identical is None:
        again = f"`{ASK_VERIFY}={_next(record)}` asks again"
        return Verified(None, record.reason or "", f"{run}: {record.message or ''}; {again}")
    rows = counted(record.rows or 0, "row")
    sums = f"; data checksum {record.checksum}" if record.checksum else ""
    if record.identical:
        return Verified(True, Reason.IDENTICAL, f"{run}: {rows} made again are identical{sums}")
    count = f"differing rows: {record.differences:,}; " if record.differences else ""
    message = f"{run} differs: {record.where or 'its rows'} ({count}{rows} made again){sums}"
    return Verified(False, Reason.DIFFERS, message)


def _next(record: VerificationStatus) -> str:
    """The request that comes after the one that was met."""
    _, _, times = record.request.partition(".")
    return f"{record.run}.{int(times or 0) + 1}"
