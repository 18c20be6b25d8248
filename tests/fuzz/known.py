"""Has most calls that Schemathesis draws be of what there is: else nearly all would be not found.

Loaded by Schemathesis itself, as `schemathesis.toml` says.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import schemathesis
import yaml

from tests.integration.experiments import manifest

# One is looked at; the other is run again, changed and removed.
LOOKED_AT, CHANGED = "fuzzed", "shop"
QUERY = "all"
_LOOKS = ("GET", "/query", "/queries/{title}")
_PATH: Mapping[str, Sequence[Any]] = {
    "table": ("people", "orders"),
    "run": (1, "newest"),
    "row": (0, 1, 2_499, 2_500),
    "title": (QUERY,),
}
_QUERY: Mapping[str, Sequence[Any]] = {
    "run": (1, "newest"),
    "table": ("people", "orders"),
    "columns": (["id"], ["born", "id"], ["person", "total"]),
    "child": ("orders",),
    "column": ("person",),
    "key": (["1"], ["2500"], ["2501"]),
    "after": (0, 7),
    "offset": (0, 2_499),
    "scale": ("0.1", "2"),
}
_SQL = ("select * from people", "select count(*), null from orders", "values (1.5)", "select 1/0")


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Put known values in three of four calls that are drawn as right ones, always the same."""
    drawn = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
    if case.meta is None or not case.meta.generation.mode.is_positive or drawn % 4 == 0:
        return
    _put(case.path_parameters, _PATH, drawn)
    _put(case.query, _QUERY, drawn)
    label = case.operation.label
    name = LOOKED_AT if any(each in label for each in _LOOKS) else CHANGED
    if "name" in case.path_parameters:
        case.path_parameters["name"] = name
    if "/children" in label:
        case.path_parameters["table"] = "people"
    if case.method == "PUT" and drawn % 3:
        case.headers["If-Match"] = "*"
    if isinstance(case.body, dict) and "sql" in case.body:
        case.body["sql"] = _SQL[drawn % len(_SQL)]
    elif case.media_type == "application/yaml":
        case.body = yaml.safe_dump(manifest(name))
    elif case.media_type == "application/json" and isinstance(case.body, dict):
        case.body = manifest(name)


def _put(drawn: dict[str, Any], known: Mapping[str, Sequence[Any]], number: int) -> None:
    for key in drawn:
        if key in known:
            drawn[key] = known[key][number % len(known[key])]
