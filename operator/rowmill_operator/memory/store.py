"""The operator's memory of the cluster: slim views of all that it watches, by experiment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rowmill.plan.pod_progress import PodProgress
from rowmill.spec.cluster_names import VERIFY
from rowmill_operator.memory.family import Family, View
from rowmill_operator.memory.graves import FOR_GOOD, Graves
from rowmill_operator.memory.queue import Key
from rowmill_operator.memory.resources import Resource
from rowmill_operator.memory.views import (
    Raw,
    experiments_named,
    read_experiment,
    read_warning,
)
from rowmill_operator.model.observed import (
    Experiment,
    Observed,
    Pod,
    Verdict,
    Warned,
)

LOG = logging.getLogger("rowmill")
# Events older than this say nothing of now; Kubernetes itself keeps them for an hour.
_WARNING_LIFE = timedelta(hours=1)
# A verdict that may be the node's fault is asked for again after so many seconds, doubled each
# time, some times: a manifest that is made to take long must not keep the validator from others.
_JUDGE_AGAIN = 300.0
_DOUBLINGS = 5
# Of one experiment, the newest: some thousand pods may each have several.
MOST_WARNINGS = 100
# What a poll that failed once says little about: a pod that has just started, or just ended.
_MISSES = 2


class Store:
    """What was seen, the newest version of each object.

    Watches, resyncs and the answers to our own writes all feed it through `see`, in any order:
    an older version never replaces a newer one, and what was deleted does not come back.

    How long ago it saw something it tells by `steady`, in seconds: by a clock that is never set.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._families: dict[Key, Family] = {}
        # By UID: resource, version and experiment of each object kept.
        self._known: dict[str, tuple[Resource, int, Key, str]] = {}
        self._graves = Graves(steady)
        self._terminating: set[str] = set()

    def see(self, resource: Resource, raw: Raw, *, gone: bool = False) -> Key | None:
        """Take in an object; the experiment that it changed something of, None if nothing."""
        meta = raw["metadata"]
        uid, version = meta["uid"], int(meta.get("resourceVersion") or 0)
        if gone:
            return self._bury(uid, version)
        key = resource.experiment_of(meta)
        known = self._known.get(uid)
        if self._graves.hold(uid, version) or (known is not None and version <= known[1]):
            return None
        left = self._drop(uid) if known is not None and known[2] != key else None
        if key is None:
            # Somebody took our label away.
            return left
        family = self._families.setdefault(key, Family())
        if version < self._version_of(resource.view(family, meta["name"])):
            # Late news of an object whose name another has by now.
            return None
        if not self._keep(family, resource, raw):
            self._drop_empty(key)
            return None
        self._known[uid] = (resource, version, key, meta["name"])
        return key

    def see_warning(self, raw: Raw) -> Sequence[Key]:
        """Take in a Warning Event about a Job or pod; the experiments that it may be about.

        Names alone do not tell, and the Event may come before what it is about: all keep it, and
        it counts where that is.
        """
        about = raw.get("involvedObject") or {}
        if about.get("kind") not in ("Job", "Pod"):
            return ()
        keys = [
            (about.get("namespace", ""), name) for name in experiments_named(about.get("name", ""))
        ]
        reported = [key for key in keys if self._warn(key, about.get("uid", ""), read_warning(raw))]
        return tuple(reported)

    def refused(self, key: Key, name: str, message: str, now: datetime) -> None:
        """Remember that the API server refused to create the child `name`: like an Event of it."""
        self._warn(key, "", Warned(about=name, reason="FailedCreate", message=message, last=now))

    def accepted(self, key: Key, name: str) -> None:
        """Forget that the child `name` was refused: it is there."""
        family = self._families.get(key)
        if family is not None:
            family.warnings.pop((name, "", "FailedCreate"), None)

    def see_namespace(self, raw: Raw, *, gone: bool = False) -> Iterator[Key]:
        """Take in a namespace; its experiments, if it begins to terminate, or is back."""
        name = raw["metadata"]["name"]
        terminates = bool(raw["metadata"].get("deletionTimestamp")) and not gone
        if terminates == (name in self._terminating):
            return iter(())
        self._terminating ^= {name}
        return iter([key for key in self.experiments() if key[0] == name])

    def namespace_terminating(self, namespace: str) -> bool:
        """Whether the namespace was seen to terminate."""
        return namespace in self._terminating

    def judged(self, key: Key, uid: str, verdict: Verdict) -> None:
        """Take in what validation says, if the experiment is still the one that was judged."""
        family = self._families.get(key)
        if family is not None and family.experiment is not None and family.experiment.uid == uid:
            family.verdict = verdict
            if verdict.passing:
                wait = _JUDGE_AGAIN * 2 ** min(family.passing, _DOUBLINGS)
                family.passing, family.judge_again = family.passing + 1, self._steady() + wait
            else:
                family.passing, family.judge_again = 0, None

    def reported(self, key: Key, pod: str, progress: PodProgress | None) -> None:
        """Take in what the pod of this UID said of its work, None if it could not be reached."""
        family = self._families.get(key)
        if family is None:
            return
        if progress is None:
            family.misses[pod] = family.misses.get(pod, 0) + 1
        else:
            family.progress.pop(pod, None)
            family.progress[pod] = progress
            family.misses.pop(pod, None)

    def gather(self, key: Key) -> Observed | None:
        """All that is known of an experiment, None if it is not there."""
        family = self._families.get(key)
        if family is None or family.experiment is None:
            return None
        pods = tuple(family.pods.values())
        return Observed(
            experiment=family.experiment,
            verdict=family.verdict,
            plans=tuple(family.plans.values()),
            jobs=tuple(family.jobs.values()),
            pods=pods,
            warnings=tuple(family.current_warnings()),
            progress=family.progress_by_shard(),
            verifying=family.verify_progress(),
            unreachable=sum(
                pod.running and pod.task != VERIFY and family.misses.get(pod.uid, 0) >= _MISSES
                for pod in pods
            ),
            namespace_terminating=key[0] in self._terminating,
            leaving_for=self._leaving_for(family),
        )

    def leave(self, key: Key, left: bool) -> bool:
        """Remember whether the experiment is another operator's; whether that is news."""
        family = self._families.get(key)
        if family is None or family.left == left:
            return False
        family.left = left
        return True

    def left_alone(self) -> int:
        """How many experiments are another operator's."""
        return sum(bool(family.left) for family in self._families.values())

    def experiments(self) -> Iterator[Key]:
        """All experiments that are there."""
        return (key for key, family in self._families.items() if family.experiment is not None)

    def ours(self) -> Iterator[Key]:
        """The experiments that are known not to be another operator's."""
        return (key for key in self.experiments() if self._families[key].left is False)

    def phases(self) -> Iterator[str]:
        """The phase of each experiment that is not another operator's; Pending before any."""
        for family in self._families.values():
            if family.experiment is not None and not family.left:
                yield family.experiment.status.phase or "Pending"

    def running_pods(self) -> Iterator[tuple[Key, Pod]]:
        """The pods to ask for progress: running, of a Job that this very experiment controls.

        Not those of another operator's.
        """
        for key, family in self._families.items():
            if family.experiment is None or family.left:
                continue
            owner = family.experiment.uid
            jobs = {job.uid for job in family.jobs.values() if job.owner_uid == owner}
            for pod in family.pods.values():
                if pod.running and pod.ip and pod.deleted is None and pod.job_uid in jobs:
                    yield key, pod

    def stale(
        self, resource: Resource, namespace: str | None, listed: Container[str], newest: int
    ) -> Sequence[str]:
        """UIDs of this resource (None: in all namespaces) that a LIST of version `newest` lacks."""
        return [
            uid
            for uid, (known, version, key, _) in self._known.items()
            if known is resource
            and uid not in listed
            and version <= newest
            and namespace in (None, key[0])
        ]

    def is_behind(self, uid: str, version: int) -> bool:
        """Whether this version of an object is newer than what is kept."""
        known = self._known.get(uid)
        return not self._graves.hold(uid, version) and (known is None or known[1] < version)

    def forget(self, uid: str, version: float = FOR_GOOD) -> Key | None:
        """Drop an object that is gone, as far as a list of `version` tells; its experiment."""
        return self._bury(uid, version)

    def tidy(self, now: datetime) -> Sequence[Key]:
        """Drop what is too old to matter: Events, the memory of deleted objects, passing verdicts.

        `now` is the API server's. The experiments that have to be judged again.
        """
        steady = self._steady()
        self._graves.tidy()
        for family in self._families.values():
            family.warnings = {
                about: warned
                for about, warned in family.warnings.items()
                if now - warned.last < _WARNING_LIFE
            }
        unjudged = [
            key
            for key, one in self._families.items()
            if one.judge_again is not None and one.judge_again <= steady
        ]
        for key in unjudged:
            self._families[key].verdict = self._families[key].judge_again = None
        return unjudged

    def _leaving_for(self, family: Family) -> float:
        return 0.0 if family.leaving_since is None else self._steady() - family.leaving_since

    def _warn(self, key: Key, uid: str, warned: Warned) -> bool:
        """Keep a warning about the object of this UID, if the experiment is there."""
        family = self._families.get(key)
        if family is None or family.experiment is None:
            return False
        family.warnings[(warned.about, uid, warned.reason)] = warned
        while len(family.warnings) > MOST_WARNINGS:
            del family.warnings[min(family.warnings, key=lambda one: family.warnings[one].last)]
        return True

    def _version_of(self, view: View | None) -> int:
        return self._known[view.uid][1] if view is not None else -1

    def _keep(self, family: Family, resource: Resource, raw: Raw) -> bool:
        """Keep the view of an object; whether it is one of ours."""
        if resource.children is None:
            self._keep_experiment(family, read_experiment(raw))
            return True
        meta, kept = raw["metadata"], resource.children(family)
        before = kept.get(meta["name"])
        if resource.immutable and before is not None and before.uid == meta["uid"]:
            deleted = meta.get("deletionTimestamp") is not None
            kept[meta["name"]] = replace(before, deleted=deleted)
            return True
        try:
            view = resource.read(raw)
        except ValueError as error:
            LOG.warning(
                "%s %s/%s is none of ours: %s",
                *(resource.plural, meta["namespace"], meta["name"], error),
            )
            return False
        if before is not None and before.uid != meta["uid"]:
            self._known.pop(before.uid, None)
        kept[meta["name"]] = view
        return True

    def _keep_experiment(self, family: Family, experiment: Experiment) -> None:
        before, family.experiment = family.experiment, experiment
        if before is not None and before.uid != experiment.uid:
            family.verdict = family.leaving_since = family.left = None
            self._known.pop(before.uid, None)
        if experiment.deleted is not None and family.leaving_since is None:
            family.leaving_since = self._steady()

    def _bury(self, uid: str, version: float) -> Key | None:
        self._graves.bury(uid, version)
        return self._drop(uid)

    def _drop(self, uid: str) -> Key | None:
        """Forget an object; the experiment that it was of."""
        known = self._known.pop(uid, None)
        if known is None:
            return None
        resource, _, key, name = known
        family = self._families[key]
        if resource.children is None:
            family.experiment = family.verdict = family.leaving_since = None
            family.left = None
            family.warnings.clear()
        else:
            view = resource.view(family, name)
            if view is not None and view.uid == uid:
                del resource.children(family)[name]
            family.progress.pop(uid, None)
            family.misses.pop(uid, None)
        self._drop_empty(key)
        return key

    def _drop_empty(self, key: Key) -> None:
        if self._families[key].is_empty():
            del self._families[key]
