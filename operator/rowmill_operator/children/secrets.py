"""Which Secrets a run's pods are given: those of the manifest, else the chart's of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.plan.pod_contract import POSTGRES
from rowmill.spec.cluster import Defaults
from rowmill_operator.model.observed import Experiment, FrozenPlan

# By destination the name of a Secret in the Experiment's namespace; None: the pod's own identity.
Secrets = Mapping[str, str | None]

_OWN = ("secretName", "auth")


def secrets_of(experiment: Experiment, plan: FrozenPlan) -> Secrets:
    """The Secret of each destination of the run.

    What the manifest's author names holds at once. What the chart gives is the plan's, whatever
    the chart gives by now: a run whose server changed half way would be whole nowhere. Where both
    name none, the spec is refused, and the run goes on with what it was planned with.
    """
    now = experiment.settings.get("destinations") or {}
    return {
        name: _secret(name, now.get(name) or {}, then, plan.defaults)
        for name, then in plan.destinations.items()
    }


def is_charts(name: str, destination: Mapping[str, Any], defaults: Defaults) -> bool:
    """Whether a destination names no server, and the chart gives it one.

    For Parquet the chart's Secret is for the chart's bucket alone, on the chart's own server.
    """
    if any(destination.get(word) for word in (*_OWN, "endpoint")):
        return False
    if name == POSTGRES:
        return defaults.postgres_secret is not None
    parquet = defaults.parquet
    return parquet is not None and destination.get("bucket") == parquet.bucket


def _secret(
    name: str, now: Mapping[str, Any], then: Mapping[str, Any], defaults: Defaults
) -> str | None:
    named: str | None = now.get("secretName")
    if named or now.get("auth"):
        return named
    without = {word: value for word, value in then.items() if word not in _OWN}
    if not is_charts(name, without, defaults):
        kept: str | None = then.get("secretName")
        return kept
    if name == POSTGRES:
        return defaults.postgres_secret
    return defaults.parquet.secret_name if defaults.parquet is not None else None
