"""The decision: from what is observed of an experiment to what to do next, without any I/O.

It is level-triggered: nothing is remembered between two calls but what the API server keeps, so
an operator may be killed at any moment, and a second one may decide the same beside it. What
makes that safe: children have deterministic names and are created once; every delete names the
UID that was seen; what counts as done is the ledger's to say, through the worker's exit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from rowmill.spec.cluster_names import ADOPT, FINALIZER, RESET, experiment_selector
from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.decide.adoption import decide_about_anothers
from rowmill_operator.decide.diagnosis import pods_of, refused_child
from rowmill_operator.decide.ending import decided_end
from rowmill_operator.decide.events import events_of
from rowmill_operator.decide.freezing import next_plan, plan_again, validation, with_words_on_chart
from rowmill_operator.decide.keeping import (
    is_to_be_adopted_from,
    keeper_to_be,
    other_keeper,
    other_speaker,
    word_left_to,
)
from rowmill_operator.decide.lost import release_lost, with_words_on_lost
from rowmill_operator.decide.record import status_of
from rowmill_operator.decide.removal import decide_removal
from rowmill_operator.decide.resetting import decided_reset, resetting
from rowmill_operator.decide.running import drive
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.status_news import more_than_progress, news
from rowmill_operator.decide.step import SOON, Step
from rowmill_operator.decide.verifying import verifying
from rowmill_operator.model.actions import (
    Action,
    Decision,
    DeletePlan,
    FreezePlan,
    SetFinalizers,
    delete_jobs,
)
from rowmill_operator.model.names import plan_name
from rowmill_operator.model.observed import Job, Observed, Verdict
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.run_condition import PENDING, SUSPENDED, Acceptance, RunCondition
from rowmill_operator.model.settings import Settings


def reconcile(observed: Observed, now: datetime, settings: Settings) -> Decision:
    """Decide what to do about one experiment.

    Args:
        observed: all that is known of it.
        now: an aware time, in UTC, by the API server's clock, as are all times that it stamps.
        settings: the operator's.
    """
    situation = Situation(observed, now, settings)
    keeper = other_keeper(situation)
    if keeper is not None:
        return decide_about_anothers(situation, keeper)
    return release_lost(_decide(situation), observed, now)


def _decide(situation: Situation) -> Decision:
    if situation.observed.namespace_terminating:
        # An unfinished Job would hold its pods' tracking finalizer, and the namespace with it.
        # Our rights in it may end before the Experiment does: its finalizer goes at once as well.
        if FINALIZER in situation.experiment.finalizers:
            return decide_removal(situation)
        return Decision(delete_jobs(situation.jobs))
    if situation.experiment.deleted is not None:
        return decide_removal(situation)
    if situation.lags:
        return Decision(again_after=SOON)
    verdict = situation.verdict
    if verdict is None:
        return Decision((*_finalizers(situation), validation(situation)))
    acceptance = _acceptance(verdict)
    step = _step(situation, verdict)
    speaker = other_speaker(situation)
    if speaker is not None:
        actions = step.actions or (word_left_to(speaker, situation, step.run_condition.message),)
        return Decision((*_finalizers(situation), *actions), again_after=step.again_after)
    step = with_words_on_lost(situation, with_words_on_chart(situation, step))
    check = verifying(situation, step)
    status = status_of(situation, acceptance, step.run_condition, step.record, check)
    actions = (
        *_finalizers(situation),
        *step.actions,
        *check.actions,
        *events_of(situation, acceptance, step, check.verified),
    )
    waits = [after for after in (step.again_after, check.again_after) if after is not None]
    return _decision(situation, actions, status, min(waits, default=None))


def _decision(
    situation: Situation,
    actions: tuple[Action, ...],
    status: ExperimentStatus,
    again_after: float | None,
) -> Decision:
    before = situation.experiment.status
    changed = news(before, status, situation.now)
    return Decision(
        actions=actions,
        status=changed,
        urgent=changed is not None and more_than_progress(before, changed),
        again_after=again_after,
    )


def _acceptance(verdict: Verdict) -> Acceptance:
    if verdict.problems:
        return Acceptance(False, verdict.reason, "\n".join(verdict.problems))
    return Acceptance(True, Reason.VALID, "\n".join(verdict.warnings))


def _step(situation: Situation, verdict: Verdict) -> Step:
    end = decided_end(situation) or decided_reset(situation)
    if end is not None:
        return end
    if verdict.problems:
        return _refused(situation, verdict)
    is_next = (
        situation.number == 0 or situation.digest != verdict.digest or _adopts_since(situation)
    )
    # While none may begin, the newest run is the one of which people see the number.
    reset = resetting(situation) if situation.desired.suspend or not is_next else None
    if reset is not None:
        return reset
    if is_next:
        step = _next_run(situation)
        return replace(step, run_condition=replace(step.run_condition, ahead=True))
    if situation.plan is None and not situation.ended:
        return _freeze(situation, plan_again(situation))
    step = drive(situation)
    return Step(
        step.run_condition,
        step.record,
        (*step.actions, *_tidy(situation)),
        again_after=step.again_after,
    )


def _adopts_since(situation: Situation) -> bool:
    """Whether a run on its way was planned before it was told to take over another's targets.

    Not if they are its own: then it is another operator that is told to take over.
    """
    adopt = situation.experiment.annotations.get(ADOPT)
    plan = situation.plan
    if not adopt or situation.outcome or plan is None or plan.adopt == adopt:
        return False
    return not is_to_be_adopted_from(keeper_to_be(situation), situation.experiment)


def _refused(situation: Situation, verdict: Verdict) -> Step:
    """A run that is on its way goes on by its frozen plan; a finished one stays what it is.

    It can be reset all the same.
    """
    reset = resetting(situation)
    if reset is not None:
        return reset
    if situation.plan is not None or situation.ended:
        return drive(situation)
    return Step(RunCondition(PENDING, verdict.reason, "; ".join(verdict.problems), stalled=True))


def _next_run(situation: Situation) -> Step:
    """Run N+1 starts only when the Jobs of all runs before it and their pods are gone."""
    if situation.desired.suspend:
        return _wait_suspended(situation)
    if situation.ownerless:
        return _wait_removed(situation)
    if situation.at_work or situation.foreign:
        actions = delete_jobs(_replaced(situation))
        message = "waits for the pods of the run before to end"
        return Step(
            RunCondition(PENDING, Reason.REPLACING, message), None, actions, again_after=SOON
        )
    return _freeze(situation, next_plan(situation))


def _replaced(situation: Situation) -> Iterator[Job]:
    """The Jobs that make room for a next run: all but a reset that is at work, which may end."""
    for job in situation.run_jobs:
        pods = pods_of(job, situation.observed.pods)
        if job.task != RESET or not any(pod.running for pod in pods):
            yield job


def _wait_removed(situation: Situation) -> Step:
    """What nobody owns is nobody's but the user's to remove, and holds the names of ours."""
    experiment = situation.experiment
    remove = (
        f"kubectl delete jobs,configmaps --namespace {experiment.namespace} "
        f"--selector {experiment_selector(experiment.name)}"
    )
    message = (
        f"an Experiment of this name was deleted with --cascade=orphan and has left "
        f"{', '.join(situation.ownerless)}; remove them: {remove}"
    )
    return Step(
        RunCondition(PENDING, Reason.LEFT_BEHIND, message, stalled=True), None, again_after=30
    )


def _wait_suspended(situation: Situation) -> Step:
    if situation.at_work or situation.is_read:
        deletes = delete_jobs(_replaced(situation))
        return Step(RunCondition(PENDING, Reason.SUSPENDING), None, deletes, again_after=SOON)
    return Step(RunCondition(SUSPENDED, Reason.SUSPENDED, "spec.suspend is true"))


def _freeze(situation: Situation, freeze: FreezePlan) -> Step:
    name = plan_name(situation.experiment.name, freeze.number)
    diagnosis = refused_child(name, situation.observed, situation.now)
    if diagnosis is not None:
        run_condition = RunCondition(PENDING, diagnosis.reason, diagnosis.message, stalled=True)
    else:
        run_condition = RunCondition(
            PENDING, Reason.STARTING, f"run {freeze.number} is being planned"
        )
    return Step(run_condition, None, (freeze,))


def _tidy(situation: Situation) -> tuple[Action, ...]:
    """The plan of the newest run lives as long as the Experiment; what is of older runs goes.

    But for the plan of the published one, by which that is verified. A Job of one is there if an
    operator that lagged has made it.
    """
    number, published = situation.number, situation.published
    kept = (number, None if published is None else published.number)
    plans = (plan for plan in situation.plans if plan.number not in kept and not plan.deleted)
    return (
        *(DeletePlan(plan.name, plan.uid) for plan in plans),
        *delete_jobs(job for job in situation.run_jobs if job.number < number),
    )


def _finalizers(situation: Situation) -> tuple[Action, ...]:
    """Ours is there exactly while the policy is Purge."""
    there = situation.experiment.finalizers
    if situation.desired.purge == (FINALIZER in there):
        return ()
    if situation.desired.purge:
        return (SetFinalizers((*there, FINALIZER)),)
    return (SetFinalizers(tuple(name for name in there if name != FINALIZER)),)
