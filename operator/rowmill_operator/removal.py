"""An Experiment that is being deleted: purge its data if that was wished, but never hang."""

from __future__ import annotations

from datetime import datetime

from rowmill.spec.cluster_names import ADOPT, FINALIZER, PURGE, SKIP_PURGE
from rowmill_operator.actions import (
    Action,
    CountPurge,
    CreateJob,
    Decision,
    DeleteJob,
    FreezePlan,
    SetFinalizers,
    Tell,
    delete_jobs,
)
from rowmill_operator.children.jobs import purge_job
from rowmill_operator.observed import FrozenPlan, Job
from rowmill_operator.reasons import Reason
from rowmill_operator.situation import Situation
from rowmill_operator.step import REMAKE_AFTER
from rowmill_operator.trouble import Trouble, end_of, pods_of, tried_rarely, waiting_for

# Kubernetes's own, of a deletion in the foreground: until it goes, the garbage collector takes
# every child of the object at once.
_COLLECTED = "foregroundDeletion"
# Its word for the opposite: it lets every child go on without an owner, and then the object go.
_ORPHANED = "orphan"
_SOON = 2.0
# The collector may have let go of the children and of the object before its first event is here,
# and then each child's comes by a watch of its own.
_LOOK_AGAIN_AFTER = 1.0


def decide_removal(situation: Situation) -> Decision:
    """Decide about an Experiment with a deletionTimestamp.

    Without our finalizer the garbage collector does all. With it, the data is purged first; it
    goes when that succeeded, and at once or after the deadline when it cannot.
    """
    if FINALIZER not in situation.experiment.finalizers:
        return Decision()
    if _is_orphaning(situation):
        return _leave(situation)
    given_up = _given_up(situation)
    if given_up is not None:
        return _end(situation, *given_up)
    unclear = _LOOK_AGAIN_AFTER - _since_seen(situation)
    if unclear > 0:
        return Decision(again_after=unclear)
    if situation.number == 0:
        return _end(situation, "succeeded", "there never was a run: nothing to purge")
    if situation.run_jobs or situation.live_pods():
        # A worker at work would write while the purge removes.
        return Decision(delete_jobs(situation.run_jobs), again_after=_SOON)
    job = situation.job(PURGE)
    if job is not None and job.complete:
        return _end(situation, "succeeded", "the experiment's data is removed")
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
        return _end(situation, "plan", why)
    freeze = FreezePlan(
        number=situation.number,
        rerun=situation.wishes.rerun,
        adopt=situation.experiment.annotations.get(ADOPT),
        data_version=situation.record.get("dataVersion"),
    )
    return Decision((freeze,), again_after=_SOON)


def _purge(situation: Situation, plan: FrozenPlan) -> Decision:
    manifest = purge_job(situation.experiment, plan, situation.wishes, situation.settings)
    return Decision((CreateJob(manifest),), again_after=_SOON)


def _purging(situation: Situation, job: Job) -> Decision:
    again = min(_until_deadline(situation), situation.settings.progress_seconds)
    trouble = _trouble(situation, job)
    if trouble is not None and trouble.reason == Reason.SECRET_MISSING:
        return _end(situation, "secret", trouble.message)
    since = _stuck_since(situation, job, trouble)
    if since is None or job.deleted or since + REMAKE_AFTER > situation.now:
        return Decision(again_after=again)
    return Decision((DeleteJob(job.name, job.uid),), again_after=_SOON)


def _trouble(situation: Situation, job: Job) -> Trouble | None:
    """What keeps a Job that has not ended from its work."""
    if job.failed is not None:
        return None
    return waiting_for(job, situation.wishes.queue, situation.observed, situation.now)


def _stuck_since(situation: Situation, job: Job, trouble: Trouble | None) -> datetime | None:
    """Since when only a new Job, or new pods, get on: this one has failed, or cannot start."""
    if job.failed is not None:
        return job.finished or situation.now
    pods = pods_of(job, situation.observed.pods)
    if trouble is None or not tried_rarely(trouble) or situation.wishes.queue:
        return None
    return max((pod.created for pod in pods), default=job.created)


def _given_up(situation: Situation) -> tuple[str, str] | None:
    """Why the data stays, if it is to stay."""
    experiment = situation.experiment
    if not situation.wishes.purge:
        return "skipped", "deletionPolicy is Retain now"
    if experiment.annotations.get(SKIP_PURGE) == "true":
        return "skipped", f"the annotation {SKIP_PURGE} says so"
    if situation.observed.namespace_terminating:
        return "namespace", "the namespace is being deleted: no pod can be started in it"
    if _until_deadline(situation) <= 0:
        job = situation.job(PURGE)
        why = end_of(job, situation.observed.pods).trouble.message if job and job.failed else ""
        return "deadline", f"the purge did not succeed within its deadline; {why}".rstrip("; ")
    return None


def _until_deadline(situation: Situation) -> float:
    return situation.settings.purge_deadline - _since_seen(situation)


def _since_seen(situation: Situation) -> float:
    """Seconds of this operator's own time: its absence and a clock that differs spend none."""
    since = situation.observed.leaving_since or situation.now
    return (situation.now - since).total_seconds()


def _leave(situation: Situation) -> Decision:
    """Gone without its children: they may be at work, so that their data cannot go either."""
    why = "it was deleted with --cascade=orphan: its Jobs are left as they are, and so is its data"
    return _release(situation, "skipped", why, ())


def _end(situation: Situation, outcome: str, message: str) -> Decision:
    return _release(situation, outcome, message, delete_jobs(situation.jobs))


def _release(
    situation: Situation, outcome: str, message: str, deletes: tuple[Action, ...]
) -> Decision:
    rest = tuple(name for name in situation.experiment.finalizers if name != FINALIZER)
    purged = outcome == "succeeded"
    told = Tell(Reason.PURGED if purged else Reason.PURGE_GIVEN_UP, message, warning=not purged)
    return Decision((*deletes, CountPurge(outcome, message), SetFinalizers(rest), told))
