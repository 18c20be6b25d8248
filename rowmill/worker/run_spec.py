"""What a run was started with and what it made, from the manifest that is kept with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.destinations.additions.own_keys import Made
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.spec.problems import InvalidManifest


def spec_of(run: Run) -> Spec:
    """The spec that `run` was started with."""
    return _spec(run.summary["source"], f"the manifest of run {run.number}")


def digest_of(source: Mapping[str, Any]) -> str:
    """The digest of what a run with this source would be of; raises InvalidManifest."""
    return _spec(source, "the manifest").digest


def made_from(source: Mapping[str, Any]) -> Made | None:
    """What a run with this kept source made in Postgres; None if it cannot be read any more."""
    try:
        spec = _spec(source, "the manifest of the last run")
    except InvalidManifest:
        # A manifest of an older Rowmill may not be one of this.
        return None
    return None if spec.postgres is None else Made(spec.dataset, spec.postgres.constraints)


def _spec(source: Mapping[str, Any], name: str) -> Spec:
    """`source["cluster"]` holds what a cluster adds to a manifest: its namespace and defaults."""
    # Every worker imports this module, and reading manifests would cost each 0.3 s and 11 MB.
    from rowmill.spec.cluster import Defaults, on_cluster
    from rowmill.spec.load import Overrides, load_spec

    overrides = Overrides(scale=source["scale"], seed=source["seed"])
    spec = load_spec(name, text=source["manifest"], overrides=overrides)
    cluster = source.get("cluster")
    if cluster is None:
        return spec
    return on_cluster(spec, cluster["namespace"], Defaults.from_json(cluster["defaults"]))
