"""What is sound in a manifest with structural problems, so that the rules can judge that too.

Each wrong field is left out, or gets a stand-in where there must be one, and is in doubt: no rule
says anything that depends on it. What the rules say of the rest is true of the manifest.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rowmill.spec.cluster_names import API_VERSION, KIND
from rowmill.spec.doubts import NO_DOUBTS, Doubts
from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.manifest.problems import MAX_PROBLEMS
from rowmill.spec.manifest.structure import Structure
from rowmill.spec.paths import Path

_TABLES: Path = ("spec", "tables")
_DESTINATIONS: Path = ("spec", "destinations")
_KEPT = ("apiVersion", "kind", "metadata", "spec")
_NAME: Path = ("metadata", "name")
# As messages show what has no name; that it is none is told by its doubt.
_STAND_IN = "(unnamed)"
_COLUMN = {"name": _STAND_IN, "type": "text"}
_KEY = {"columns": [_STAND_IN], "references": {"table": _STAND_IN, "columns": [_STAND_IN]}}
# What is wrong below these is left out as a whole: list items keep their places.
_LISTS_OF_TABLES = ("unique", "indexes", "foreignKeys")
# What of a `generate` can be wrong while the rules still judge the rest of it, with what stands in
# for an item or for the field; None: it is left out.
_PARTS: dict[tuple[str, str], object] = {
    ("choice", "values"): "",
    ("choice", "weights"): 1,
    ("after", "column"): _STAND_IN,
    ("after", "mean"): "1s",
    ("after", "end"): None,
    ("parent", "column"): _STAND_IN,
    ("faker", "provider"): _STAND_IN,
    ("faker", "args"): None,
    ("faker", "locale"): None,
    ("faker", "pool"): None,
    ("faker", "entity"): None,
}
# A field that the model asks for behind another that was left out comes in the next round.
_ROUNDS = 4


@dataclass(frozen=True)
class Salvaged:
    """An experiment of the sound parts, and what of it is in doubt."""

    experiment: Experiment
    doubts: Doubts


def salvage(structure: Structure) -> Salvaged | None:
    """The sound parts of a manifest, or None if it has none."""
    if structure.experiment is not None:
        return Salvaged(structure.experiment, NO_DOUBTS)
    if len(structure.faults) > MAX_PROBLEMS:
        # Some of them are not known, and there is enough to mend.
        return None
    raw = structure.raw
    if not isinstance(raw, dict) or not isinstance(raw.get("spec"), dict):
        return None
    sound: dict[str, Any] = deepcopy(raw) | {"apiVersion": API_VERSION, "kind": KIND}
    if not isinstance(sound.get("metadata"), dict):
        sound["metadata"] = {}
    doubts: set[Path] = set()
    for fault in structure.faults:
        if fault.extra:
            _drop(sound, fault.path)
    wrong = [f.meant if f.extra else f.path for f in structure.faults]
    for _ in range(_ROUNDS):
        for path in wrong:
            if path is not None:
                doubts |= _leave_out(sound, path)
        try:
            experiment = Experiment.model_validate(sound)
        except ValidationError as error:
            wrong = [tuple(details["loc"]) for details in error.errors(include_url=False)]
        else:
            return Salvaged(experiment, Doubts(frozenset(doubts)))
    return None


def _drop(sound: dict[str, Any], path: Path) -> None:
    """Leave out an unknown field, if the document holds it and all above it."""
    here: Any = sound
    for step in path[:-1]:
        if isinstance(here, dict):
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int):
            here = here[step]
    if path and isinstance(here, dict):
        here.pop(path[-1], None)


def _leave_out(sound: dict[str, Any], path: Path) -> set[Path]:
    """Mend what is wrong at a path by leaving it out; returns what is in doubt by that."""
    if path[:1] == ("metadata",):
        return _leave_out_metadata(sound, path)
    if path[:1] != ("spec",) or len(path) < 2:
        if path and path[0] not in _KEPT:
            sound.pop(str(path[0]), None)
        return set()
    if path[:2] == _TABLES:
        return _leave_out_tables(sound["spec"], path)
    if path[:2] == _DESTINATIONS:
        return _leave_out_destinations(sound["spec"], path)
    sound["spec"].pop(path[1], None)
    return {path[:2]}


def _leave_out_metadata(sound: dict[str, Any], path: Path) -> set[Path]:
    if len(path) > 1 and path[1] != "name":
        sound["metadata"].pop(path[1], None)
        return set()
    sound["metadata"]["name"] = "salvaged"
    return {_NAME}


def _leave_out_destinations(spec: dict[str, Any], path: Path) -> set[Path]:
    found = spec.get("destinations")
    if len(path) == 2 or not isinstance(found, dict):
        spec["destinations"] = {"postgres": {}}
        return {_DESTINATIONS}
    name = str(path[2])
    if name not in ("parquet", "postgres"):
        found.pop(name, None)
        return set()
    target = found.get(name)
    if not isinstance(target, dict):
        found[name] = {"bucket": "bucket"} if name == "parquet" else {}
        return {path[:3]}
    # Without a field the problem is that there are both.
    fields = [str(path[3])] if len(path) > 3 else ["secretName", "auth"]
    for field in fields:
        target.pop(field, None)
    if name == "parquet" and "bucket" not in target:
        target["bucket"] = "bucket"
    return {(*path[:3], field) for field in fields}


def _leave_out_tables(spec: dict[str, Any], path: Path) -> set[Path]:
    tables = spec.get("tables")
    if len(path) == 2 or not isinstance(tables, list):
        spec["tables"] = [_table()]
        return {_TABLES}
    index = path[2]
    assert isinstance(index, int)
    table = tables[index]
    if len(path) == 3 or not isinstance(table, dict):
        tables[index] = _table()
        return {path[:3]}
    field = path[3]
    if field == "name":
        table["name"] = _STAND_IN
    elif field == "columns":
        return _leave_out_columns(table, path)
    elif field in _LISTS_OF_TABLES and len(path) > 4 and isinstance(table.get(field), list):
        # The other items keep their places.
        table[field][path[4]] = deepcopy(_KEY) if field == "foreignKeys" else [_STAND_IN]
        return {path[:5]}
    else:
        table.pop(field, None)
    return {path[:4]}


def _leave_out_columns(table: dict[str, Any], path: Path) -> set[Path]:
    columns = table.get("columns")
    if len(path) == 4 or not isinstance(columns, list):
        table["columns"] = [dict(_COLUMN)]
        return {path[:4]}
    index = path[4]
    assert isinstance(index, int)
    column = columns[index]
    if len(path) == 5 or not isinstance(column, dict):
        columns[index] = dict(_COLUMN)
        return {path[:5]}
    field = str(path[5])
    if field == "generate" and (part := _leave_out_part(column.get(field), path, 6)) is not None:
        return {part}
    if field in _COLUMN:
        column[field] = _COLUMN[field]
    else:
        column.pop(field, None)
    return {path[:6]}


def _leave_out_part(generate: Any, path: Path, depth: int) -> Path | None:
    """Mend a part of a `generate`, whose member is at `depth` of the path; returns the part.

    None for what the rest depends on: the whole of it is then left out.
    """
    if path[depth : depth + 2] == ("array", "of") and _has(generate, "array", "of"):
        return _leave_out_part(generate["array"]["of"], path, depth + 2)
    member, name, *item = (*path[depth : depth + 3], "", "")[:3]
    where = (str(member), str(name))
    if where not in _PARTS or not _has(generate, where[0]):
        return None
    fields, stand_in = generate[where[0]], _PARTS[where]
    if where[0] == "choice":
        index, items = item[0], fields.get(name)
        if not isinstance(index, int) or not isinstance(items, list) or index >= len(items):
            return None
        if items[index] is None or isinstance(items[index], list | dict):
            # It may be mended to none or to several, and the others are counted.
            return None
        items[index] = stand_in
        return path[: depth + 3]
    if stand_in is None:
        fields.pop(name, None)
    else:
        fields[name] = stand_in
    return path[: depth + 2]


def _has(value: Any, *steps: str) -> bool:
    """Whether there is a mapping at the end of the steps, each of them a key."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return isinstance(value, dict)


def _table() -> dict[str, Any]:
    return {"name": _STAND_IN, "columns": [dict(_COLUMN)]}
