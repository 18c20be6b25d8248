"""What the operator watches and keeps: a table of resources, one line of facts for each.

To add one: its entry here, and a place for its views in `family.py`.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from rowmill.spec.cluster_names import EXPERIMENT, GROUP, PLURAL, VERSION
from rowmill_operator.memory.family import Family, View
from rowmill_operator.memory.queue import Key
from rowmill_operator.memory.views import Raw, read_experiment, read_job, read_plan, read_pod


def _by_name(meta: Raw) -> Key | None:
    return meta["namespace"], meta["name"]


def _by_label(meta: Raw) -> Key | None:
    """None if somebody took our label away."""
    experiment = (meta.get("labels") or {}).get(EXPERIMENT)
    return (meta["namespace"], experiment) if experiment else None


@dataclass(frozen=True, eq=False)
class Endpoint:
    """Where the API server has the objects of a resource."""

    group: str
    version: str
    plural: str

    @property
    def names(self) -> tuple[str, str, str]:
        """Group, version and plural, as Kopf wants them."""
        return self.group, self.version, self.plural

    def folder(self, namespace: str | None) -> str:
        """The path of its objects, in all namespaces for None."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = "" if namespace is None else f"/namespaces/{namespace}"
        return f"{root}{within}/{self.plural}"


@dataclass(frozen=True, eq=False)
class Resource(Endpoint):
    """A resource whose objects are kept, and how.

    `read` makes the view of an object, or raises ValueError for one that is not ours;
    `experiment_of` tells from its metadata whose it is; `children` is where a family has the views
    of a child of the Experiment by their names, None for the Experiment itself. Of an `immutable`
    child only that it is being deleted can be news.
    """

    read: Callable[[Raw], View]
    children: Callable[[Family], MutableMapping[str, Any]] | None
    experiment_of: Callable[[Raw], Key | None] = _by_label
    immutable: bool = False

    def view(self, family: Family, name: str) -> View | None:
        """What is kept under this name."""
        if self.children is None:
            return family.experiment
        found: View | None = self.children(family).get(name)
        return found


EXPERIMENTS = Resource(
    GROUP, VERSION, PLURAL, read=read_experiment, children=None, experiment_of=_by_name
)
PLANS = Resource(
    "", "v1", "configmaps", read=read_plan, children=lambda family: family.plans, immutable=True
)
JOBS = Resource("batch", "v1", "jobs", read=read_job, children=lambda family: family.jobs)
PODS = Resource("", "v1", "pods", read=read_pod, children=lambda family: family.pods)

# An experiment is listed before its children.
RESOURCES = (EXPERIMENTS, PLANS, JOBS, PODS)

# Seen, and not kept as they are.
EVENTS = Endpoint("", "v1", "events")
NAMESPACES = Endpoint("", "v1", "namespaces")
