"""What a run was started with and what it made, from the manifest that is kept with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.destinations.postgres.additions.own_keys import Made
from rowmill.plan.run_source import RunSource, source_of
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.spec.problems import InvalidManifest


def spec_of(run: Run) -> Spec:
    """The spec that `run` was started with."""
    source = source_of(run)
    if source is None:
        raise AssertionError(f"nothing was kept of what run {run.number} came from")
    return _spec(source, f"the manifest of run {run.number}", run.plan.data_version)


def digest_of(source: RunSource, data_version: int) -> str:
    """The digest of what a run with this source would be of, after one of that data version.

    Raises InvalidManifest.
    """
    return _spec(source, "the manifest", data_version).digest


def made_from(kept: Mapping[str, Any]) -> Made | None:
    """What a run with this kept source made in Postgres; None if it cannot be read any more."""
    try:
        source = RunSource.from_json(kept)
        data_version = None if source.versions is None else source.versions.data
        spec = _spec(source, "the manifest of the last run", data_version)
    except InvalidManifest:
        # A manifest of an older Rowmill may not be one of this.
        return None
    return None if spec.postgres is None else Made(spec.dataset, spec.postgres.constraints)


def _spec(source: RunSource, name: str, data_version: int | None) -> Spec:
    # Every worker imports this module, and reading manifests would cost each 0.3 s and 11 MB.
    from rowmill.spec.cluster import Defaults, on_cluster
    from rowmill.spec.load import Overrides, load_spec

    overrides = Overrides(scale=source.scale, seed=source.seed)
    spec = load_spec(
        name, text=source.manifest, overrides=overrides, last_version=lambda _: data_version
    )
    cluster = source.cluster
    if cluster is None:
        return spec
    return on_cluster(spec, cluster.namespace, Defaults.from_json(cluster.defaults))
