"""Works on one experiment at a time: gathers what is known, decides, carries that out."""

from __future__ import annotations

import asyncio
import hashlib
import logging

from rowmill_operator.apiserver.answers import ApiError, Blocked, Unreachable
from rowmill_operator.apiserver.cluster import Cluster
from rowmill_operator.children.plan import config_map
from rowmill_operator.decide.reconcile import reconcile
from rowmill_operator.memory.intake import Intake
from rowmill_operator.memory.queue import Key, WorkQueue
from rowmill_operator.memory.resources import EXPERIMENTS, JOBS, PLANS, PODS
from rowmill_operator.memory.store import Store
from rowmill_operator.metrics import Metrics
from rowmill_operator.model.actions import (
    Action,
    CountPurge,
    CreateJob,
    Decision,
    DeleteJob,
    DeletePlan,
    DeletePod,
    FreezePlan,
    LeaveAlone,
    ReportEvent,
    SetFinalizers,
    SetParallelism,
    Validate,
)
from rowmill_operator.model.names import plan_name
from rowmill_operator.model.observed import Experiment, Verdict
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.settings import Settings
from rowmill_operator.validation.validator import Judgement, Unjudged, Validator
from rowmill_operator.watch.manifests import Manifests, manifest_json
from rowmill_operator.watch.status_writing import Pace
from rowmill_operator.writing.children import Children
from rowmill_operator.writing.news import News

LOG = logging.getLogger("rowmill")
# From a new spec to its Jobs takes some decisions; the status in between would be read by nobody.
_STEPS = 5
# With so many experiments waiting, a status that says no more than "starting" waits for a second.
_BUSY = 20
_REPORTED_LATER = 1.0


class Controller:
    """Carries out what `reconcile` decides, through one API server and one validator."""

    def __init__(
        self,
        store: Store,
        queue: WorkQueue,
        cluster: Cluster,
        validator: Validator,
        manifests: Manifests,
        metrics: Metrics,
        settings: Settings,
    ) -> None:
        self._store = store
        self._queue = queue
        self._cluster = cluster
        self._validator = validator
        self._manifests = manifests
        self._metrics = metrics
        self._settings = settings
        self._intake = Intake(store, queue)
        self._children = Children(cluster, self._intake)
        self._news = News(cluster, self._intake, metrics, Pace(settings.progress_seconds))

    async def run(self) -> None:
        """Take experiments from the queue for ever; several of these run side by side."""
        while True:
            key = await self._queue.take()
            try:
                with self._metrics.reconcile_seconds.time():
                    await self.look_at(key)
            except asyncio.CancelledError:
                raise
            except Blocked as reason:
                LOG.info("%s/%s: %s", *key, reason)
                self._queue.failed(key)
            except (ApiError, Unjudged, Unreachable) as error:
                self._failed(key, str(error))
            except Exception:
                LOG.exception("%s/%s: a fault of the operator", *key)
                self._failed(key, "")
            else:
                self._queue.done(key)

    async def look_at(self, key: Key) -> None:
        """Decide what to do about one experiment now, and do it.

        Raises:
            ApiError: a call was refused. Blocked, Unjudged, Unreachable: try again later.
        """
        for steps_left in reversed(range(_STEPS)):
            observed = self._store.gather(key)
            if observed is None:
                self._forget(key)
                return
            experiment = observed.experiment
            decision = reconcile(observed, self._cluster.clock.now(), self._settings)
            if not any(isinstance(action, LeaveAlone) for action in decision.actions):
                self._store.leave(key, False)
            if decision.urgent and self._news.put_off(key, experiment, urgent=True):
                # As a whole: Events tell of a transition once, with the status that shows it.
                return
            for action in decision.actions:
                if not isinstance(action, ReportEvent | CountPurge):
                    await self._carry_out(key, experiment, action)
            if not (steps_left and _is_on_the_way(decision)):
                break
            if self._store.gather(key) == observed:
                break
        done = all(isinstance(action, ReportEvent) for action in decision.actions)
        if steps_left < _STEPS - 1 and done and self._queue.depth() >= _BUSY:
            # To begin the runs of those who wait goes before telling that this one began.
            self._queue.add(key, _REPORTED_LATER)
            return
        await self._make_known(key, experiment, decision)

    async def _make_known(self, key: Key, experiment: Experiment, decision: Decision) -> None:
        """Write the status, tell what is to be told, and look again when that is due."""
        if decision.again_after is not None:
            self._queue.add(key, decision.again_after)
        await self._news.write_status(key, experiment, decision)
        # After the status, which says that they were told: twice is worse than not at all.
        for action in decision.actions:
            if isinstance(action, CountPurge):
                self._news.count_purge(key, action)
            elif isinstance(action, ReportEvent):
                await self._news.report(experiment, action)

    async def _carry_out(self, key: Key, experiment: Experiment, action: Action) -> None:
        namespace, name = key
        match action:
            case Validate():
                await self._validate(key, experiment, action)
            case FreezePlan():
                await self._freeze(key, experiment, action)
            case CreateJob(manifest):
                await self._children.create(key, JOBS, manifest)
            case DeleteJob(job, uid):
                await self._children.delete(JOBS, namespace, job, uid)
            case DeletePlan(plan, uid):
                await self._children.delete(PLANS, namespace, plan, uid)
            case DeletePod(pod, uid, at_once=False):
                await self._children.delete(PODS, namespace, pod, uid)
            case DeletePod(pod, uid):
                await self._cluster.delete(PODS, namespace, pod, uid, at_once=True)
                self._store.forget(uid)
            case SetParallelism(job, version, parallelism):
                change = self._cluster.set_parallelism(namespace, job, version, parallelism)
                await self._children.change(JOBS, namespace, job, change)
            case LeaveAlone():
                await self._leave(key, experiment, action)
            case SetFinalizers(finalizers):
                change = self._cluster.set_finalizers(experiment, finalizers)
                await self._children.change(EXPERIMENTS, namespace, name, change)
                if experiment.deleted is not None and not finalizers:
                    # The answer to this is of no newer version than what it replaces.
                    self._store.forget(experiment.uid)

    async def _leave(self, key: Key, experiment: Experiment, action: LeaveAlone) -> None:
        if not self._store.leave(key, True):
            return
        # Of a name that follows from who leaves it to whom: a restart does not tell it again.
        words = (experiment.uid, self._settings.engine, self._settings.release, action.owner)
        name = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
        reported = ReportEvent(Reason.LEFT_TO_ANOTHER, action.message, warning=True)
        await self._news.report(experiment, reported, name)

    async def _validate(self, key: Key, experiment: Experiment, action: Validate) -> None:
        manifest = await self._manifest(key, experiment)
        if manifest is not None:
            judgement = await self._validator.judge(key[0], manifest, action)
            self._judged(key, experiment, action.rerun, judgement)

    async def _freeze(self, key: Key, experiment: Experiment, action: FreezePlan) -> None:
        name = plan_name(experiment.name, action.number)
        if self._children.is_refused(key, name):
            return
        manifest = await self._manifest(key, experiment)
        if manifest is None:
            return
        judgement = await self._validator.freeze(key[0], experiment.uid, manifest, action)
        # Also if all is well: what is frozen and what was judged must never be two digests.
        self._judged(key, experiment, action.rerun, judgement)
        if judgement.problems:
            return
        release = self._settings.release
        plan = config_map(experiment, action.number, judgement.digest, judgement.bundle, release)
        await self._children.create(key, PLANS, plan)

    def _judged(self, key: Key, experiment: Experiment, rerun: str, judgement: Judgement) -> None:
        verdict = Verdict(
            generation=experiment.generation,
            rerun=rerun,
            problems=judgement.problems,
            reason=judgement.reason,
            digest=judgement.digest,
            passing=judgement.passing,
            warnings=judgement.warnings,
        )
        self._store.judged(key, experiment.uid, verdict)
        self._queue.add(key)

    async def _manifest(self, key: Key, experiment: Experiment) -> str | None:
        """The whole manifest of the generation that was observed, None if it is another by now."""
        kept = self._manifests.find(key, experiment.uid, experiment.generation)
        if kept is not None:
            return kept
        try:
            raw = await self._cluster.get(EXPERIMENTS, *key)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        meta = raw["metadata"]
        if (meta["uid"], meta["generation"]) == (experiment.uid, experiment.generation):
            return manifest_json(raw)
        self._intake.saw(EXPERIMENTS, raw)
        return None

    def _forget(self, key: Key) -> None:
        self._news.forget(key)
        self._children.forget(key)
        self._manifests.drop(key)

    def _failed(self, key: Key, message: str) -> None:
        self._metrics.reconcile_errors.inc()
        wait = self._queue.failed(key)
        if message:
            LOG.warning("%s/%s: %s; again in %.1f s", *key, message, wait)


def _is_on_the_way(decision: Decision) -> bool:
    """Whether the next decision follows at once from what this one had made."""
    making = Validate | FreezePlan | CreateJob
    # What is told belongs to the status, and so to the decision whose status is written.
    actions = [action for action in decision.actions if not isinstance(action, ReportEvent)]
    return bool(actions) and all(isinstance(action, making) for action in actions)
