"""What is sound in a manifest with structural problems, so that the rules can judge that too.

A table with a problem, and every table that leads to one, becomes a stub that no rule is asked
about: what the rules say of the others is true of the manifest as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rowmill.spec.cluster_names import API_VERSION, KIND
from rowmill.spec.manifest import Experiment
from rowmill.spec.paths import Path, path_of
from rowmill.spec.problems import Problem
from rowmill.spec.structure import Structure

_TABLES: Path = ("spec", "tables")
# Without these no rule on rows, values or domains can be trusted.
_NEEDED: tuple[Path, ...] = (("spec", "scale"), ("spec", "seed"), ("spec", "locale"))


@dataclass(frozen=True)
class Salvaged:
    """An experiment of the sound parts; `replaced` are the paths that hold stand-ins."""

    experiment: Experiment
    replaced: tuple[Path, ...]

    def counts(self, problem: Problem) -> bool:
        """Whether a problem of `experiment` is one of the manifest too."""
        path = path_of(problem.path)
        return not any(path[: len(stub)] == stub for stub in self.replaced)


def salvage(structure: Structure) -> Salvaged | None:
    """The sound parts of a manifest, or None if too much of it is in doubt."""
    paths = [path for path, _ in structure.problems]
    if any(_TABLES[: len(path)] == path or path[:2] in _NEEDED for path in paths):
        return None
    raw = structure.raw
    if not isinstance(raw, dict) or not isinstance(raw.get("spec"), dict):
        return None
    spec: dict[str, Any] = {
        key: value
        for key, value in raw["spec"].items()
        if not any(path[:2] == ("spec", key) for path in paths if path[:2] != _TABLES)
    }
    replaced: list[Path] = []
    metadata = raw.get("metadata")
    if any(path[0] == "metadata" for path in paths):
        metadata = {"name": "salvaged"}
        replaced.append(("spec", "destinations"))
    if "destinations" not in spec:
        spec["destinations"] = {"postgres": {}}
        replaced.append(("spec", "destinations"))
    doubtful = _doubtful(spec["tables"], {p[2] for p in paths if p[:2] == _TABLES})
    if doubtful is None:
        return None
    replaced += [(*_TABLES, index) for index in doubtful]
    spec["tables"] = [
        _stub(table["name"]) if index in doubtful else table
        for index, table in enumerate(spec["tables"])
    ]
    whole = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
    try:
        experiment = Experiment.model_validate(whole)
    except ValidationError:
        return None
    return Salvaged(experiment, tuple(replaced))


def _doubtful(tables: list[Any], wrong: set[int | str]) -> set[int] | None:
    """Indexes of the tables with problems and of all that lead to them; None if one is nameless."""
    found = {index for index in wrong if isinstance(index, int)}
    names: set[str] = set()
    for index in found:
        name = tables[index].get("name") if isinstance(tables[index], dict) else None
        if not isinstance(name, str):
            return None
        names.add(name)
    grown = True
    while grown:
        grown = False
        for index, table in enumerate(tables):
            if index not in found and not names.isdisjoint(_parents(table)):
                found.add(index)
                names.add(table["name"])
                grown = True
    return found


def _parents(table: dict[str, Any]) -> Iterator[str]:
    """The tables that a structurally sound table refers to."""
    for column in table["columns"]:
        if "references" in column:
            yield column["references"]["table"]
    for key in table.get("foreignKeys", ()):
        yield key["references"]["table"]
    if "rowsPer" in table:
        yield table["rowsPer"]["table"]


def _stub(name: str) -> dict[str, Any]:
    return {"name": name, "rows": 1, "columns": [{"name": "stub", "type": "text"}]}
