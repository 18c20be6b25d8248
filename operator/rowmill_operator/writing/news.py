"""Tells of an experiment: its status, at the pace that is due, and Events."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from rowmill_operator.apiserver.answers import ApiError, Blocked, Unreachable
from rowmill_operator.apiserver.cluster import Cluster
from rowmill_operator.memory.intake import Intake
from rowmill_operator.memory.queue import Key
from rowmill_operator.memory.resources import EXPERIMENTS
from rowmill_operator.memory.views import Raw, read_experiment
from rowmill_operator.metrics import Metrics
from rowmill_operator.model.actions import CountPurge, Decision, ReportEvent
from rowmill_operator.model.observed import Experiment
from rowmill_operator.model.run_condition import timestamp
from rowmill_operator.watch.status_writing import Pace

LOG = logging.getLogger("rowmill")


class News:
    """What is told of all experiments."""

    def __init__(self, cluster: Cluster, intake: Intake, metrics: Metrics, pace: Pace) -> None:
        self._cluster = cluster
        self._intake = intake
        self._metrics = metrics
        self._pace = pace

    async def write_status(self, key: Key, experiment: Experiment, decision: Decision) -> None:
        """Write the status that was decided on, unless it has to wait or nothing is to be told.

        Raises:
            Blocked: the Experiment has changed, which is looked at next.
        """
        if decision.status is None:
            return
        if not decision.urgent and self.put_off(key, experiment, urgent=False):
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
            self._intake.saw(EXPERIMENTS, raw)
        else:
            # Nothing follows from mere progress.
            self._intake.store.see(EXPERIMENTS, raw)

    def put_off(self, key: Key, experiment: Experiment, *, urgent: bool) -> bool:
        """Whether a status may not be written yet; the experiment is then looked at in time."""
        now = asyncio.get_running_loop().time()
        wait = self._pace.wait(key, experiment.bytes, now, urgent=urgent)
        if wait > 0:
            self._intake.queue.add(key, wait)
        return wait > 0

    async def report(self, experiment: Experiment, action: ReportEvent, once: str = "") -> None:
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

    def count_purge(self, key: Key, action: CountPurge) -> None:
        """Have the metrics know how a purge ended."""
        LOG.info("%s/%s: purge ended: %s: %s", *key, action.outcome, action.message)
        self._metrics.purges.labels(action.outcome).inc()

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
        self._intake.saw(EXPERIMENTS, raw)
        if raw["metadata"]["uid"] == experiment.uid:
            raise Blocked("it has changed meanwhile")

    def forget(self, key: Key) -> None:
        """The experiment is gone."""
        self._pace.forget(key)


def _same_but_status(before: Experiment, raw: Raw) -> bool:
    """Whether an answer to a write of the status tells of no other change."""
    after = read_experiment(raw)
    return before == replace(after, status=before.status, resource_version=before.resource_version)
