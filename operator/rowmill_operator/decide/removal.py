"""An Experiment that is being deleted: purge its data if that was wished, but never hang."""

from __future__ import annotations

from dataclasses import replace

from rowmill.plan.pod_report import PodReport
from rowmill.plan.purging import PurgeEnd
from rowmill.spec.cluster_names import FINALIZER, PURGE, SKIP_PURGE
from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.children.jobs import purge_job
from rowmill_operator.decide.diagnosis import (
    Diagnosis,
    end_of,
    pods_of,
    refused_child,
    waiting_for,
)
from rowmill_operator.decide.ending import is_late, removal_report, report_of
from rowmill_operator.decide.freezing import plan_again, refused_plan
from rowmill_operator.decide.remaking import remade_since, stuck_since
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.status_news import news
from rowmill_operator.model.actions import (
    Action,
    CountPurge,
    CreateJob,
    Decision,
    ReportEvent,
    SetFinalizers,
    delete_jobs,
)
from rowmill_operator.model.names import purge_job_name
from rowmill_operator.model.observed import FrozenPlan, Job
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.run_condition import stalled_anyway
from rowmill_operator.model.run_in_status import written_run

# Kubernetes's own, of a deletion in the foreground: until it goes, the garbage collector takes
# every child of the object at once.
_COLLECTED = "foregroundDeletion"
# Its word for the opposite: it lets every child go on without an owner, and then the object go.
_ORPHANED = "orphan"
_SOON = 2.0
# The collector may have let go of the children and of the object before its first event is here,
# and then each child's comes by a watch of its own.
_LOOK_AGAIN_AFTER = 1.0
# The outcome to be counted and the Event's reason, by what the pod reports.
_ENDS = {
    PurgeEnd.REMOVED: ("succeeded", Reason.PURGED),
    PurgeEnd.PARTLY: ("partly", Reason.PURGED_PARTLY),
    PurgeEnd.TAKEN: ("taken", Reason.NOTHING_TO_PURGE),
    PurgeEnd.NOTHING: ("nothing", Reason.NOTHING_TO_PURGE),
}
_WARNINGS = {Reason.PURGED_PARTLY, Reason.PURGE_UNHEARD, Reason.PURGE_GIVEN_UP}


def decide_removal(situation: Situation) -> Decision:
    """Decide about an Experiment with a deletionTimestamp.

    Without our finalizer the garbage collector does all. With it, the data is purged first; it
    goes when that succeeded, and at once or after the deadline when it cannot. What is told of a
    purge is what its pod reports, also where it has been called off meanwhile.
    """
    if FINALIZER not in situation.experiment.finalizers:
        return Decision()
    if _is_orphaning(situation):
        why = (
            "it was deleted with --cascade=orphan: its Jobs stay as they are, and so does its data"
        )
        return _release(situation, "skipped", Reason.PURGE_GIVEN_UP, why)
    job = situation.job(PURGE)
    if job is not None and job.complete:
        return _purged(situation, job)
    given_up = _given_up(situation)
    if given_up is not None:
        return _abandon(situation, *given_up)
    unclear = _LOOK_AGAIN_AFTER - situation.observed.leaving_for
    if unclear > 0:
        return Decision(again_after=unclear)
    if situation.number == 0:
        return _leave(situation, "nothing", Reason.NOTHING_TO_PURGE, "there never was a run")
    if situation.at_work or situation.verify_jobs or situation.is_read:
        # A worker at work would write while the purge removes, and what is read cannot be dropped.
        jobs = (*situation.run_jobs, *situation.verify_jobs)
        return Decision(delete_jobs(jobs), again_after=_SOON)
    plan = situation.plans[-1] if situation.plans else None
    if _COLLECTED in situation.experiment.finalizers or (plan is not None and plan.deleted):
        return Decision(again_after=_SOON)
    if plan is None:
        return _freeze_again(situation)
    return _purge(situation, plan) if job is None else _purging(situation, job)


def _is_orphaning(situation: Situation) -> bool:
    """By its finalizer, or by what is left without an owner: no run begins beside such a thing."""
    left = bool(situation.ownerless) and situation.number > 0
    return left or _ORPHANED in situation.experiment.finalizers


def _freeze_again(situation: Situation) -> Decision:
    """A plan for the purge's pod, which reads where the data is: what to remove the ledger says."""
    verdict = situation.observed.verdict
    judged = verdict is not None and verdict.generation == situation.experiment.generation
    if verdict is not None and judged and verdict.problems:
        if verdict.passing:
            return Decision(again_after=situation.settings.progress_seconds)
        why = f"the run's ConfigMap is gone, and the spec is refused: {'; '.join(verdict.problems)}"
        return _abandon(situation, "plan", why)
    return _made(situation, plan_again(situation), refused_plan(situation))


def _purge(situation: Situation, plan: FrozenPlan) -> Decision:
    written = written_run(situation.runs)
    manifest = purge_job(situation.experiment, plan, situation.desired, situation.settings, written)
    return _made(situation, CreateJob(manifest), _refused_job(situation))


def _made(situation: Situation, make: Action, refusal: Diagnosis | None) -> Decision:
    """Ask for a child, and show why it was refused when it was asked for last."""
    status, reported = _shown(situation, refusal)
    return Decision((make, *reported), status, urgent=status is not None, again_after=_SOON)


def _refused_job(situation: Situation) -> Diagnosis | None:
    name = purge_job_name(situation.experiment.name)
    return refused_child(name, situation.observed, situation.now)


def _purging(situation: Situation, job: Job) -> Decision:
    again = min(_until_deadline(situation), situation.settings.progress_seconds)
    reported_early = _reported_early(situation, job)
    if reported_early is not None and job.failed is not None:
        return reported_early
    diagnosis = _diagnosis(situation, job)
    if diagnosis is not None and diagnosis.reason == Reason.SECRET_MISSING:
        return _abandon(situation, "secret", diagnosis.message)
    status, reported = _shown(situation, diagnosis)
    since = stuck_since(situation, job, diagnosis)
    remaking = None if since is None else remade_since(job, since, situation.now)
    if remaking is None or job.deleted or not remaking.actions:
        return Decision(reported, status, urgent=status is not None, again_after=again)
    if reported_early is not None:
        return reported_early
    actions = (*remaking.actions, *reported)
    return Decision(actions, status, urgent=status is not None, again_after=_SOON)


def _diagnosis(situation: Situation, job: Job) -> Diagnosis | None:
    """What keeps a Job from its work, or has ended it; None while a pod's last word is awaited."""
    if job.failed is None:
        return waiting_for(job, situation.desired.queue, situation.observed, situation.now)
    end = end_of(job, situation.observed.pods)
    return end.diagnosis if end.heard or is_late(situation, job) else None


def _shown(
    situation: Situation, diagnosis: Diagnosis | None
) -> tuple[ExperimentStatus | None, tuple[Action, ...]]:
    """The status and the Event by which people learn what to mend; one Event a reason.

    A trouble is shown until there is another, since its Job is made again each minute.
    """
    if diagnosis is None:
        return None, ()
    before = situation.experiment.status
    known = situation.condition("Stalled")
    conditions = stalled_anyway(
        diagnosis.reason,
        diagnosis.message,
        generation=situation.experiment.generation,
        before=before.conditions or (),
        now=situation.now,
    )
    status = news(before, replace(before, conditions=conditions), situation.now)
    if (known.status, known.reason) == ("True", diagnosis.reason):
        return status, ()
    return status, (ReportEvent(diagnosis.reason, diagnosis.message, warning=True),)


def _given_up(situation: Situation) -> tuple[str, str] | None:
    """Why the data stays, if it is to stay."""
    experiment = situation.experiment
    if not situation.desired.purge:
        return "skipped", "deletionPolicy is Retain now"
    if experiment.annotations.get(SKIP_PURGE) == "true":
        return "skipped", f"the annotation {SKIP_PURGE} says so"
    if situation.observed.namespace_terminating:
        return "namespace", "the namespace is being deleted: no pod can be started in it"
    if _until_deadline(situation) <= 0:
        why = _last_diagnosis(situation)
        return "deadline", f"the purge did not succeed within its deadline; {why}".rstrip("; ")
    return None


def _last_diagnosis(situation: Situation) -> str:
    """What the purge met last, also where its Job has just been made again."""
    job = situation.job(PURGE)
    diagnosis = _refused_job(situation) if job is None else _diagnosis(situation, job)
    if job is None and not situation.plans:
        diagnosis = refused_plan(situation)
    if diagnosis is not None:
        return diagnosis.message
    # In the words of diagnosis.py: what stalled a run before is not the trouble of the purge.
    stalled = situation.condition("Stalled").message
    return stalled if stalled.startswith(f"{PURGE}: ") else ""


def _until_deadline(situation: Situation) -> float:
    """Seconds of this operator's own time: its absence and a clock that differs spend none."""
    return situation.settings.purge_deadline - situation.observed.leaving_for


def _purged(situation: Situation, job: Job) -> Decision:
    """The purge's Job ended well: what that came to is its pod's to say."""
    report = removal_report(situation, job) or report_of(situation, job)
    if report is None and not situation.observed.namespace_terminating:
        return Decision(again_after=_LOOK_AGAIN_AFTER)
    end = None if report is None else _end(situation, report)
    if end is not None:
        return end
    # Its pod went before it was heard, or is of a release that does not tell.
    said = "" if report is None else report.message
    words = f'its pod\'s last words were "{said}"' if said else "its pod was gone unheard"
    message = f"the purge's Job ended well, yet what it removed is not known: {words}"
    return _release(situation, "unheard", Reason.PURGE_UNHEARD, message)


def _reported_early(situation: Situation, job: Job) -> Decision | None:
    """The end by a pod that was ended when all was removed, but for the records at most.

    If those had gone as well, no later try finds what this one told of.
    """
    report = removal_report(situation, job)
    return None if report is None else _end(situation, report)


def _end(situation: Situation, report: PodReport) -> Decision | None:
    """Tell what a pod reports of its purge, and let the Experiment go; None if it tells nothing."""
    if report.purged is None:
        return None
    outcome, reason = _ENDS[report.purged.end]
    return _release(situation, outcome, reason, report.message)


def _abandon(situation: Situation, outcome: str, message: str) -> Decision:
    """The data stays, all of it unless a pod was at work already."""
    job = situation.job(PURGE)
    reported_early = None if job is None else _reported_early(situation, job)
    if reported_early is not None:
        return reported_early
    pods = () if job is None else pods_of(job, situation.observed.pods)
    if any(pod.running for pod in pods):
        message = f"{message}; its pod was at work, so that some of the data may be gone"
    return _leave(situation, outcome, Reason.PURGE_GIVEN_UP, message)


def _leave(situation: Situation, outcome: str, reason: Reason, message: str) -> Decision:
    """End what may be at work, and let the Experiment go."""
    release = _release(situation, outcome, reason, message)
    return replace(release, actions=(*delete_jobs(situation.jobs), *release.actions))


def _release(situation: Situation, outcome: str, reason: Reason, message: str) -> Decision:
    """Let the Experiment go, and leave its Jobs to the garbage collector.

    A purge's Job that has ended is the only proof of what it removed: were it deleted before, and
    the operator cut off then, the next look would begin another, which finds nothing.
    """
    rest = tuple(name for name in situation.experiment.finalizers if name != FINALIZER)
    reported = ReportEvent(reason, message, warning=reason in _WARNINGS)
    return Decision((CountPurge(outcome, message), SetFinalizers(rest), reported))
