"""What can be asked about a manifest: the list of questions, each with what answers it.

It is imported in the sandbox's process alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from rowmill.console.sandbox.requests import Text
from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Spec
from rowmill.spec.load import Overrides, load_spec
from rowmill.spec.places import located
from rowmill.spec.rules.warnings import manifest_warnings
from rowmill.worker.pools import check_columns, make_pools

_KEPT_MANIFESTS = 4


@lru_cache(_KEPT_MANIFESTS)
def spec_of(text: Text) -> Spec:
    """The spec of a manifest; raises InvalidManifest."""
    overrides = Overrides(scale=text.scale, seed=text.seed)
    return load_spec(
        "the manifest",
        text=text.manifest,
        overrides=overrides,
        last_version=lambda _: text.data_version,
    )


def validate(text: Text) -> dict[str, Any]:
    """What the manifest holds, and warnings."""
    spec = spec_of(text)
    warnings = located(manifest_warnings(spec), text.manifest)
    return {
        "valid": True,
        "name": spec.name,
        "digest": spec.digest,
        "tables": len(spec.dataset.tables),
        "rows": sum(table.rows for table in spec.dataset.tables),
        "warnings": [each.as_json() for each in warnings],
    }


def secret_names(text: Text) -> list[str]:
    """The secrets that the manifest's destinations name."""
    spec = spec_of(text)
    named = {target.secret_name for target in (spec.postgres, spec.parquet) if target is not None}
    return sorted(name for name in named if name is not None)


def plan(
    text: Text, *, planner: str, workers: int | None, batch_rows: int | None
) -> dict[str, Any]:
    """The plan that a new run would freeze, by the function at the place `planner`."""
    module, _, function = planner.partition(":")
    planned = getattr(import_module(module), function)
    found: dict[str, Any] = planned(spec_of(text), workers, batch_rows)
    return found


@lru_cache(1)
def generator_of(text: Text) -> Generator:
    """What makes the rows; the pools of the last manifest alone are kept, as they take memory."""
    dataset = spec_of(text).dataset
    return check_columns(dataset, make_pools(dataset))


ANSWERS: Mapping[str, Callable[..., Any]] = {
    "validate": validate,
    "secret_names": secret_names,
    "plan": plan,
}
