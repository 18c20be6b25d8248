"""An Experiment that is being deleted: purge its data if that was wished, but never hang."""

from __future__ import annotations

from datetime import timedelta

from rowmill.spec.cluster_names import FINALIZER, PURGE, SKIP_PURGE
from rowmill_operator.actions import (
    CountPurge,
    CreateJob,
    Decision,
    DeleteJob,
    SetFinalizers,
    Tell,
    delete_jobs,
)
from rowmill_operator.children.jobs import purge_job
from rowmill_operator.observed import Job
from rowmill_operator.reasons import Reason
from rowmill_operator.running import REMAKE_AFTER
from rowmill_operator.situation import Situation
from rowmill_operator.trouble import end_of, waiting_for

_SOON = 2.0


def decide_removal(situation: Situation) -> Decision:
    """Decide about an Experiment with a deletionTimestamp.

    Without our finalizer the garbage collector does all. With it, the data is purged first; it
    goes when that succeeded, and at once or after the deadline when it cannot.
    """
    experiment = situation.experiment
    if FINALIZER not in experiment.finalizers:
        return Decision()
    given_up = _given_up(situation)
    if given_up is not None:
        return _release(situation, *given_up)
    left = delete_jobs(situation.run_jobs)
    if situation.run_jobs or situation.live_pods():
        # A worker at work would write while the purge removes.
        return Decision(left, again_after=_SOON)
    job = situation.job(PURGE)
    plan = situation.plans[-1] if situation.plans else None
    if plan is None:
        return _release(situation, "succeeded", "there never was a run: nothing to purge")
    if job is None:
        manifest = purge_job(experiment, plan, situation.wishes, situation.settings)
        return Decision((CreateJob(manifest),), again_after=_SOON)
    return _purging(situation, job)


def _purging(situation: Situation, job: Job) -> Decision:
    if job.complete:
        return _release(situation, "succeeded", "the experiment's data is removed")
    again = _until_deadline(situation)
    if job.failed is None:
        trouble = waiting_for(job, situation.wishes.queue, situation.observed, situation.now)
        if trouble is not None and trouble.reason == Reason.SECRET_MISSING:
            return _release(situation, "secret", trouble.message)
        return Decision(again_after=min(again, situation.settings.progress_seconds))
    if job.deleted or (job.finished or situation.now) + REMAKE_AFTER > situation.now:
        return Decision(again_after=min(again, _SOON))
    return Decision((DeleteJob(job.name, job.uid),), again_after=_SOON)


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
    deleted = situation.experiment.deleted or situation.now
    deadline = deleted + timedelta(seconds=situation.settings.purge_deadline)
    return (deadline - situation.now).total_seconds()


def _release(situation: Situation, outcome: str, message: str) -> Decision:
    rest = tuple(name for name in situation.experiment.finalizers if name != FINALIZER)
    purged = outcome == "succeeded"
    told = Tell(Reason.PURGED if purged else Reason.PURGE_GIVEN_UP, message, warning=not purged)
    return Decision(
        (*delete_jobs(situation.jobs), CountPurge(outcome, message), SetFinalizers(rest), told)
    )
