"""What can be asked about a manifest: the list of questions, each with what answers it.

It is imported in the sandbox's process alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from rowmill.console.sandbox.requests import Text
from rowmill.engine.json_records import to_json
from rowmill.generate.rows import Generator
from rowmill.on_demand import pages, relatives
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


def heading(text: Text) -> dict[str, Any]:
    """The experiment's name, and the secrets that the manifest's destinations name."""
    spec = spec_of(text)
    named = {target.secret_name for target in (spec.postgres, spec.parquet) if target is not None}
    return {"name": spec.name, "secrets": sorted(name for name in named if name is not None)}


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


def preview(text: Text, *, table: str | None, offset: int, limit: int) -> list[dict[str, Any]]:
    """A page of a table, or of every one."""
    generator = generator_of(text)
    names = [each.name for each in generator.dataset.tables] if table is None else [table]
    # Of many tables each may have a part of what one alone may.
    most = pages.MOST_BYTES // max(1, len(names))
    made = (pages.rows(generator, name, offset, limit, most_bytes=most) for name in names)
    return [to_json(page) for page in made]


def rows(
    text: Text, *, table: str, offset: int, limit: int, columns: list[str] | None
) -> dict[str, Any]:
    """A page of a table."""
    return to_json(pages.rows(generator_of(text), table, offset, limit, columns))


def parents(text: Text, *, table: str, row: int) -> list[dict[str, Any]]:
    """What each reference of a row leads to."""
    return [to_json(each) for each in relatives.parents(generator_of(text), table, row)]


def references(text: Text, *, table: str) -> list[dict[str, Any]]:
    """By which references a table's rows have children."""
    return [to_json(each) for each in relatives.references_to(spec_of(text).dataset, table)]


def children(text: Text, **asked: Any) -> dict[str, Any]:
    """A page of a row's children by one reference."""
    return to_json(relatives.children(generator_of(text), **asked))


ANSWERS: Mapping[str, Callable[..., Any]] = {
    "validate": validate,
    "heading": heading,
    "plan": plan,
    "preview": preview,
    "rows": rows,
    "parents": parents,
    "references": references,
    "children": children,
}
