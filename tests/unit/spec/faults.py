"""Faults of every sort for valid manifests: each is one mistake, and told at one known path."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from rowmill.spec.load import load_spec
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.yaml.reader import read_documents

HERE = Path(__file__).parent
MANIFESTS = [
    *(p for p in sorted((HERE.parents[2] / "examples").glob("*.yaml")) if p.stem != "dev-stack"),
    *sorted((HERE / "valid").glob("*.yaml")),
]

Manifest = dict[str, Any]
# Puts a fault into a manifest, at random; returns its path, None where this sort has no place.
Fault = Callable[[Manifest, Random], str | None]


def plain(path: Path) -> Manifest:
    """The manifest as plain values, every alias written out."""
    [document] = [d for d in read_documents(path.read_text(encoding="utf-8")) if d.value]
    found: Manifest = json.loads(json.dumps(document.value, default=_number))
    return found


def told(manifest: Manifest) -> list[str]:
    """The paths of all that is wrong, sorted."""
    try:
        load_spec("", text=json.dumps(manifest, ensure_ascii=False))
    except InvalidManifest as error:
        return sorted(problem.path for problem in error.problems)
    return []


def injected(manifest: Manifest, faults: list[tuple[Fault, int]]) -> tuple[Manifest, list[str]]:
    """The manifest with these faults, each placed by its seed, and their paths, sorted."""
    changed = deepcopy(manifest)
    paths = [fault(changed, Random(seed)) for fault, seed in faults]
    return changed, sorted(path for path in paths if path is not None)


def _number(value: Decimal) -> int | float:
    whole = value == value.to_integral_value() and abs(value) < 2**63
    return int(value) if whole else float(value)


def _tables(manifest: Manifest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manifest["spec"]["tables"]
    return found


def _table(manifest: Manifest, random: Random) -> tuple[str, dict[str, Any]]:
    index = random.randrange(len(_tables(manifest)))
    return f"spec.tables[{index}]", _tables(manifest)[index]


def _add_column(manifest: Manifest, random: Random, **column: Any) -> str:
    path, table = _table(manifest, random)
    count = len(table["columns"])
    table["columns"].append({"name": f"added {count}", **column})
    return f"{path}.columns[{count}]"


def _column(manifest: Manifest, random: Random, has: str) -> tuple[str, dict[str, Any]] | None:
    """Some column that has a field and no fault yet."""
    found = [
        (f"spec.tables[{i}].columns[{j}]", column)
        for i, table in enumerate(_tables(manifest))
        for j, column in enumerate(table["columns"])
        if has in column and not column["name"].startswith("added") and "wrong" not in column
    ]
    return random.choice(found) if found else None


def misspelt_nothing(manifest: Manifest, random: Random) -> str | None:
    path, table = _table(manifest, random)
    table[f"zzz{random.randrange(10**9)}"] = 1
    return f"{path}.{next(reversed(table))}"


def strange_in_generate(manifest: Manifest, random: Random) -> str | None:
    column = _add_column(
        manifest, random, type="integer", generate={"integer": {"min": 1, "max": 2, "qqq": 3}}
    )
    return f"{column}.generate.integer.qqq"


def misspelt_in_column(manifest: Manifest, random: Random) -> str | None:
    return _add_column(manifest, random, type="text", uniqe=True) + ".uniqe"


def misspelt_required(manifest: Manifest, random: Random) -> str | None:
    return _add_column(manifest, random, typ="text", generate={"uuid": {}}) + ".typ"


def no_type(manifest: Manifest, random: Random) -> str | None:
    return _add_column(manifest, random, type="strin") + ".type"


def broken_type(manifest: Manifest, random: Random) -> str | None:
    found = _column(manifest, random, "type")
    if found is None:
        return None
    path, column = found
    column["type"] = 5
    column["name"] = column["name"]
    return f"{path}.type"


def nulls_out_of_range(manifest: Manifest, random: Random) -> str | None:
    return _add_column(manifest, random, type="text", nulls=2) + ".nulls"


def wrong_kind_of_value(manifest: Manifest, random: Random) -> str | None:
    return _add_column(manifest, random, type="text", unique="maybe") + ".unique"


def dangling_table(manifest: Manifest, random: Random) -> str | None:
    target = {"table": "nowhere", "column": "id"}
    return _add_column(manifest, random, type="text", references=target) + ".references.table"


def dangling_column(manifest: Manifest, random: Random) -> str | None:
    _, parent = _table(manifest, random)
    target = {"table": parent["name"], "column": "nowhere"}
    return _add_column(manifest, random, type="text", references=target) + ".references.column"


def dangling_index(manifest: Manifest, random: Random) -> str | None:
    path, table = _table(manifest, random)
    table.setdefault("indexes", []).append([f"nowhere {len(table['indexes'])}"])
    return f"{path}.indexes[{len(table['indexes']) - 1}][0]"


def minimum_above_maximum(manifest: Manifest, random: Random) -> str | None:
    generate = {"integer": {"min": 5, "max": 1}}
    return _add_column(manifest, random, type="int", generate=generate) + ".generate.integer.min"


def minimum_above_maximum_in_an_array(manifest: Manifest, random: Random) -> str | None:
    generate = {"array": {"of": {"integer": {"min": 5, "max": 1}}}}
    path = _add_column(manifest, random, type="integer[]", generate=generate)
    return path + ".generate.array.of.integer.min"


def outside_its_type(manifest: Manifest, random: Random) -> str | None:
    generate = {"normal": {"mean": 5, "stddev": 1, "max": 70000}}
    return _add_column(manifest, random, type="int2", generate=generate) + ".generate.normal.max"


def text_too_long(manifest: Manifest, random: Random) -> str | None:
    generate = {"pattern": "[a-z]{4}"}
    return _add_column(manifest, random, type="char(3)", generate=generate) + ".generate.pattern"


def too_few_values(manifest: Manifest, random: Random) -> str | None:
    found = [i for i, t in enumerate(_tables(manifest)) if t.get("rows", 0) > 100]
    if not found:
        return None
    index = random.choice(found)
    table = _tables(manifest)[index]
    table["columns"].append(
        {
            "name": f"added {len(table['columns'])}",
            "type": "int",
            "unique": True,
            "generate": {"integer": {"min": 1, "max": 2}},
        }
    )
    return f"spec.tables[{index}].columns[{len(table['columns']) - 1}].unique"


def repeats_by_nature(manifest: Manifest, random: Random) -> str | None:
    generate = {"constant": "x"}
    return _add_column(manifest, random, type="text", unique=True, generate=generate) + ".unique"


def key_of_what_repeats(manifest: Manifest, random: Random) -> str | None:
    path, table = _table(manifest, random)
    names = []
    for _ in range(2):
        names.append(f"added {len(table['columns'])}")
        table["columns"].append({"name": names[-1], "type": "text", "generate": {"constant": "x"}})
    table.setdefault("unique", []).append(names)
    return f"{path}.unique[{len(table['unique']) - 1}]"


def unknown_in_template(manifest: Manifest, random: Random) -> str | None:
    generate = {"template": "{nowhere}-x"}
    return _add_column(manifest, random, type="text", generate=generate) + ".generate.template"


def kind_that_does_not_fit(manifest: Manifest, random: Random) -> str | None:
    generate = {"integer": {"min": 1, "max": 2}}
    return _add_column(manifest, random, type="bool", generate=generate) + ".generate.integer"


def dangling_via(manifest: Manifest, random: Random) -> str | None:
    generate = {"parent": {"via": "nowhere", "column": "id"}}
    return _add_column(manifest, random, type="text", generate=generate) + ".generate.parent.via"


def unknown_in_parent(manifest: Manifest, random: Random) -> str | None:
    """A column that the parent does not have, through a reference that is sound."""
    found = _column(manifest, random, "references")
    if found is None:
        return None
    path, column = found
    index = int(path.split("[")[1].split("]")[0])
    columns = _tables(manifest)[index]["columns"]
    generate = {"parent": {"via": column["name"], "column": "nowhere"}}
    name = f"added {len(columns)}"
    columns.append({"name": name, "type": "text", "generate": generate})
    return f"spec.tables[{index}].columns[{len(columns) - 1}].generate.parent.column"


def weights_of_another_number(manifest: Manifest, random: Random) -> str | None:
    generate = {"choice": {"values": ["a", "b", "c"], "weights": [1, 2]}}
    path = _add_column(manifest, random, type="text", generate=generate)
    return path + ".generate.choice.weights"


def value_that_is_none(manifest: Manifest, random: Random) -> str | None:
    generate = {"choice": {"values": ["a", ["b"]], "weights": [1, 2]}}
    path = _add_column(manifest, random, type="text", unique=False, generate=generate)
    return path + ".generate.choice.values[1]"


def argument_that_the_provider_lacks(manifest: Manifest, random: Random) -> str | None:
    generate = {"faker": {"provider": "city", "args": {"nothing": 1}}}
    path = _add_column(manifest, random, type="text", generate=generate)
    return path + ".generate.faker.args"


def pattern_that_is_none(manifest: Manifest, random: Random) -> str | None:
    return (
        _add_column(manifest, random, type="text", generate={"pattern": "[a"}) + ".generate.pattern"
    )


def no_provider(manifest: Manifest, random: Random) -> str | None:
    generate = {"faker": {"provider": "nothing"}}
    path = _add_column(manifest, random, type="text", generate=generate)
    return path + ".generate.faker.provider"


def two_members(manifest: Manifest, random: Random) -> str | None:
    generate = {"constant": "x", "pattern": "y"}
    return _add_column(manifest, random, type="text", generate=generate) + ".generate"


def computed_from_itself(manifest: Manifest, random: Random) -> str | None:
    path, table = _table(manifest, random)
    count = len(table["columns"])
    name = f"added {count}"
    table["columns"].append(
        {"name": name, "type": "text", "generate": {"template": f"{{{name}}}x"}}
    )
    return f"{path}.columns[{count}].generate"


def mean_outside(manifest: Manifest, random: Random) -> str | None:
    found = [
        (i, t["rowsPer"])
        for i, t in enumerate(_tables(manifest))
        if "rowsPer" in t and t["rowsPer"]["mean"] <= t["rowsPer"]["max"]
    ]
    if not found:
        return None
    index, per = random.choice(found)
    per["mean"] = per["max"] + 1
    return f"spec.tables[{index}].rowsPer.mean"


def _once(manifest: Manifest, path: tuple[str, ...], value: object) -> str | None:
    here = manifest
    for step in path[:-1]:
        if step not in here:
            return None
        here = here[step]
    if here.get(path[-1]) == value:
        return None
    here[path[-1]] = value
    return ".".join(path)


def reserved_schema(manifest: Manifest, random: Random) -> str | None:
    return _once(manifest, ("spec", "destinations", "postgres", "schema"), "pg_x")


def seed_that_is_text(manifest: Manifest, random: Random) -> str | None:
    return _once(manifest, ("spec", "seed"), "seven")


def no_workers(manifest: Manifest, random: Random) -> str | None:
    return _once(manifest, ("spec", "parallelism"), 0)


def unknown_data_version(manifest: Manifest, random: Random) -> str | None:
    return _once(manifest, ("spec", "dataVersion"), 99)


def bad_quantity(manifest: Manifest, random: Random) -> str | None:
    manifest["spec"].setdefault("resources", {}).setdefault("limits", {})
    return _once(manifest, ("spec", "resources", "limits", "memory"), "much")


FAULTS: tuple[Fault, ...] = (
    misspelt_nothing,
    strange_in_generate,
    misspelt_in_column,
    misspelt_required,
    no_type,
    broken_type,
    nulls_out_of_range,
    wrong_kind_of_value,
    dangling_table,
    dangling_column,
    dangling_index,
    minimum_above_maximum,
    minimum_above_maximum_in_an_array,
    outside_its_type,
    text_too_long,
    too_few_values,
    repeats_by_nature,
    key_of_what_repeats,
    unknown_in_template,
    kind_that_does_not_fit,
    dangling_via,
    unknown_in_parent,
    weights_of_another_number,
    value_that_is_none,
    argument_that_the_provider_lacks,
    pattern_that_is_none,
    no_provider,
    two_members,
    computed_from_itself,
    mean_outside,
    reserved_schema,
    seed_that_is_text,
    no_workers,
    unknown_data_version,
    bad_quantity,
)
