"""Works on one experiment at a time: gathers what is known, decides, carries that out."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from rowmill_operator.apiserver.answers import ApiError, Blocked, Unreachable
from rowmill_operator.apiserver.cluster import Cluster
from rowmill_operator.children.plan import config_map
from rowmill_operator.decide.reconcile import reconcile
from rowmill_operator.memory.queue import Key, WorkQueue
from rowmill_operator.memory.resources import EXPERIMENTS, JOBS, PLANS, PODS, Resource
from rowmill_operator.memory.store import Store
from rowmill_operator.memory.views import Raw, read_experiment
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
from rowmill_operator.model.run_condition import timestamp
from rowmill_operator.model.settings import Settings
from rowmill_operator.validation.validator import Judgement, Unjudged, Validator
from rowmill_operator.watch.manifests import Manifests, manifest_json
from rowmill_operator.watch.status_writing import Pace

LOG = logging.getLogger("rowmill")
# How long a child that was refused is not asked for again: a quota is mended by people.
_REFUSED_AGAIN = 20.0
_TERMINATING = "NamespaceTerminating"
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
        self._pace = Pace(settings.progress_seconds)
        # By experiment and child: until when a refused one is not asked for again.
        self._refused: dict[tuple[Key, str], float] = {}

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
            if decision.urgent and self._put_off(key, experiment, urgent=True):
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
        await self._write_status(key, experiment, decision)
        # After the status, which says that they were told: twice is worse than not at all.
        for action in decision.actions:
            if isinstance(action, CountPurge):
                self._count_purge(key, action)
            elif isinstance(action, ReportEvent):
                await self._report(experiment, action)

    async def _carry_out(self, key: Key, experiment: Experiment, action: Action) -> None:
        namespace, name = key
        match action:
            case Validate():
                await self._validate(key, experiment, action)
            case FreezePlan():
                await self._freeze(key, experiment, action)
            case CreateJob(manifest):
                await self._create(key, JOBS, manifest)
            case DeleteJob(job, uid):
                await self._delete(JOBS, namespace, job, uid)
            case DeletePlan(plan, uid):
                await self._delete(PLANS, namespace, plan, uid)
            case DeletePod(pod, uid, at_once=False):
                await self._delete(PODS, namespace, pod, uid)
            case DeletePod(pod, uid):
                await self._cluster.delete(PODS, namespace, pod, uid, at_once=True)
                self._store.forget(uid)
            case SetParallelism(job, version, parallelism):
                change = self._cluster.set_parallelism(namespace, job, version, parallelism)
                await self._change(JOBS, namespace, job, change)
            case LeaveAlone():
                await self._leave(key, experiment, action)
            case SetFinalizers(finalizers):
                change = self._cluster.set_finalizers(experiment, finalizers)
                await self._change(EXPERIMENTS, namespace, name, change)
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
        await self._report(experiment, reported, name)

    async def _validate(self, key: Key, experiment: Experiment, action: Validate) -> None:
        manifest = await self._manifest(key, experiment)
        if manifest is not None:
            judgement = await self._validator.judge(key[0], manifest, action)
            self._judged(key, experiment, action.rerun, judgement)

    async def _freeze(self, key: Key, experiment: Experiment, action: FreezePlan) -> None:
        name = plan_name(experiment.name, action.number)
        if self._is_refused(key, name):
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
        await self._create(key, PLANS, plan)

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
        self._saw(EXPERIMENTS, raw)
        return None

    async def _create(self, key: Key, resource: Resource, manifest: Mapping[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        if self._is_refused(key, name):
            return
        try:
            raw = await self._cluster.create_child(resource, manifest)
        except ApiError as error:
            if error.status == 401:
                raise
            self._note_refusal(key, name, error)
            return
        self._refused.pop((key, name), None)
        self._store.accepted(key, name)
        self._saw(resource, raw)

    def _is_refused(self, key: Key, name: str) -> bool:
        """Whether a child was refused so lately that it is not asked for again yet."""
        left = self._refused.get((key, name), 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            self._queue.add(key, left)
        return left > 0

    def _note_refusal(self, key: Key, name: str, error: ApiError) -> None:
        """Have the refusal observed, and the child asked for again after a while."""
        if _TERMINATING in error.causes:
            self._namespace_terminates(key[0])
            return
        LOG.warning("%s/%s: %s is refused: %s", *key, name, error.message)
        until = asyncio.get_running_loop().time() + _REFUSED_AGAIN
        self._refused[key, name] = until
        self._store.refused(key, name, error.message, self._cluster.clock.now())
        self._queue.add(key)

    async def _delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        raw = await self._cluster.delete(resource, namespace, name, uid)
        if raw is not None:
            self._saw(resource, raw)

    async def _change(
        self, resource: Resource, namespace: str, name: str, change: Coroutine[Any, Any, Raw]
    ) -> None:
        """Make a change to what was seen.

        Raises:
            Blocked: it is another by now, or gone, which is looked at next.
        """
        try:
            raw = await change
        except ApiError as error:
            if error.status == 404:
                raise Blocked(f"{name} has just gone") from None
            if error.status != 409:
                raise
            self._saw(resource, await self._cluster.get(resource, namespace, name))
            raise Blocked(f"{name} has changed meanwhile") from None
        self._saw(resource, raw)

    async def _write_status(self, key: Key, experiment: Experiment, decision: Decision) -> None:
        if decision.status is None:
            return
        if not decision.urgent and self._put_off(key, experiment, urgent=False):
            return
        now = asyncio.get_running_loop().time()
        # What an Event tells, the one writes who has seen all that was written before: of two
        # operators that see the same transition, one tells it.
        write = self._cluster.apply_status(
            experiment,
            decision.status,
            unchanged=any(isinstance(a, ReportEvent) for a in decision.actions),
        )
        try:
            raw = await write
        except ApiError as error:
            # Gone, or another by that name: then there is nobody to tell.
            if error.status not in (404, 409):
                raise
            await self._see_again(key, experiment)
            return
        self._pace.written(key, now, urgent=decision.urgent)
        if decision.urgent or not _same_but_status(experiment, raw):
            self._saw(EXPERIMENTS, raw)
        else:
            # Nothing follows from mere progress.
            self._store.see(EXPERIMENTS, raw)

    async def _see_again(self, key: Key, experiment: Experiment) -> None:
        """See why a status was not taken.

        Raises:
            Blocked: the Experiment has changed, which is looked at next.
        """
        try:
            raw = await self._cluster.get(EXPERIMENTS, *key)
        except ApiError as error:
            if error.status != 404:
                raise
            return
        self._saw(EXPERIMENTS, raw)
        if raw["metadata"]["uid"] == experiment.uid:
            raise Blocked("it has changed meanwhile")

    def _put_off(self, key: Key, experiment: Experiment, *, urgent: bool) -> bool:
        """Whether a status may not be written yet; the experiment is then looked at in time."""
        now = asyncio.get_running_loop().time()
        wait = self._pace.wait(key, experiment.bytes, now, urgent=urgent)
        if wait > 0:
            self._queue.add(key, wait)
        return wait > 0

    async def _report(self, experiment: Experiment, action: ReportEvent, once: str = "") -> None:
        """Write an Event; `once` is what tells it from others where it must not come twice."""
        LOG.info(
            "%s/%s: %s: %s", experiment.namespace, experiment.name, action.reason, action.message
        )
        try:
            await self._cluster.report(
                experiment,
                action.reason,
                action.message,
                warning=action.warning,
                at=timestamp(self._cluster.clock.now()),
                once=once,
            )
        except (ApiError, Unreachable) as error:
            # An Event is worth one try: the status says the same.
            LOG.warning("%s/%s: %s", experiment.namespace, experiment.name, error)

    def _count_purge(self, key: Key, action: CountPurge) -> None:
        LOG.info("%s/%s: purge ended: %s: %s", *key, action.outcome, action.message)
        self._metrics.purges.labels(action.outcome).inc()

    def _namespace_terminates(self, namespace: str) -> None:
        meta = {"name": namespace, "deletionTimestamp": timestamp(self._cluster.clock.now())}
        for key in self._store.see_namespace({"metadata": meta}):
            self._queue.add(key)

    def _saw(self, resource: Resource, raw: Raw) -> None:
        """Take in the API server's answer, and look again if that is news."""
        key = self._store.see(resource, raw)
        if key is not None:
            self._queue.add(key)

    def _forget(self, key: Key) -> None:
        self._pace.forget(key)
        self._manifests.drop(key)
        for refused in [known for known in self._refused if known[0] == key]:
            del self._refused[refused]

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


def _same_but_status(before: Experiment, raw: Raw) -> bool:
    """Whether an answer to a write of the status tells of no other change."""
    after = read_experiment(raw)
    return before == replace(after, status=before.status, resource_version=before.resource_version)
