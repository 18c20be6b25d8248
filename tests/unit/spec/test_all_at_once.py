"""All that is wrong is told in one round, and nothing that only another mistake makes wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from tests.unit.spec.faults import FAULTS, MANIFESTS, Fault, Manifest, injected, plain, told

PLAIN = {f"{path.parent.name}/{path.stem}": plain(path) for path in MANIFESTS}
# Below these the names of fields are the user's.
NAMED_BY_USERS = {"labels", "annotations", "nodeSelector", "args", "requests", "limits"}
# Right in some places, wrong in most.
STRANGE: list[object] = [[[[]]], "elsewhere", "nowhere", "integer", 0, 10**13, True, {}, ["id"]]
# Large ones are drawn less often: each round reads one several times.
SMALL = [name for name, manifest in PLAIN.items() if len(str(manifest)) < 15_000]


@pytest.mark.parametrize("name", SMALL)
def test_the_manifests_are_valid_as_they_are(name: str) -> None:
    assert told(PLAIN[name]) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_one_problem_in_every_manifest(fault: Fault) -> None:
    for seed, name in enumerate(SMALL):
        manifest, expected = injected(PLAIN[name], [(fault, seed)])
        assert told(manifest) == expected, name


@pytest.mark.parametrize("seed", range(40))
def test_several_faults_are_told_at_once_and_each_on_its_own(seed: int) -> None:
    random = Random(seed)
    name = random.choice(SMALL)
    drawn = random.sample(FAULTS, random.randint(2, 8))
    faults = [(fault, random.randrange(10**9)) for fault in drawn]
    manifest, expected = injected(PLAIN[name], faults)
    assert told(manifest) == expected, (name, drawn)
    mended = random.randrange(len(faults))
    manifest, expected = injected(PLAIN[name], faults[:mended] + faults[mended + 1 :])
    assert told(manifest) == expected, (name, drawn, mended)


# Each row: what stands in `orders` beside a mistake of its own, and what is told of both.
TOGETHER: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an item of a choice, and the number of its weights": (
        {"choice": {"values": ["a", 2.5, "c"], "weights": [1, 2]}},
        ["choice.values[1]", "choice.weights"],
    ),
    "one that the type refuses, in an array": (
        {"array": {"of": {"choice": {"values": [True, "b"], "weights": [0, "x", 2]}}}},
        ["array.of.choice.values[0]", "array.of.choice.weights", "array.of.choice.weights[1]"],
    ),
    "a mean that is missing, and a column of a parent": (
        {"after": {"via": "customer", "column": "registred"}},
        ["after.column", "after.mean"],
    ),
    "a column that is missing, and a delay": (
        {"after": {"via": "customer", "mean": "1h", "min": "2h"}},
        ["after.column", "after.mean"],
    ),
    "a reference that is missing, and a delay": (
        {"after": {"via": "nowhere", "column": "at", "mean": "1h", "min": "2h"}},
        ["after.mean", "after.via"],
    ),
    "a pool, and a provider": (
        {"faker": {"provider": "fullname", "pool": -1}},
        ["faker.pool", "faker.provider"],
    ),
    "a locale, a provider that has another type, and its arguments": (
        {"faker": {"provider": "pyint", "locale": "xx", "args": {"nothing": 1}}},
        ["faker.args", "faker.locale", "faker.provider"],
    ),
    "a field of a template, and its filter": (
        {"template": "{nowhere|slgu}"},
        ["template", "template"],
    ),
    "a column of a parent alone": (
        {"parent": {"via": "customer", "column": "registred"}},
        ["parent.column"],
    ),
}
# By the manifest's own mistake: what makes it, and where it is told.
REFERENCES: dict[str, tuple[dict[str, str], list[str]]] = {
    "sound": ({"table": "customers", "column": "id"}, []),
    "to a column that is none": (
        {"table": "customers", "column": "idd"},
        ["spec.tables[1].columns[0].references.column"],
    ),
    "to a misspelt table": (
        {"table": "custmers", "column": "id"},
        ["spec.tables[1].columns[0].references.table"],
    ),
    "to a misspelt table and column": (
        {"table": "custmers", "column": "idd"},
        [
            "spec.tables[1].columns[0].references.column",
            "spec.tables[1].columns[0].references.table",
        ],
    ),
}


def _orders(reference: dict[str, str], generate: dict[str, Any]) -> Manifest:
    faker = "faker" in generate
    at = "boolean" if faker else "text[]" if "array" in generate else "text"
    at = "timestamp" if {"after", "parent"} & generate.keys() else at
    moment = {"name": "at", "type": "timestamp"}
    customers = [{"name": "id", "type": "int"}, {"name": "registered", "type": "timestamp"}]
    orders = [
        {"name": "customer", "type": "int", "references": reference},
        moment,
        {"name": "x", "type": at, "generate": generate},
    ]
    tables = [
        {"name": "customers", "rows": 5, "primaryKey": ["id"], "columns": customers},
        {"name": "orders", "rows": 5, "columns": orders},
    ]
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "shop"},
        "spec": {"destinations": {"postgres": {}}, "tables": tables},
    }


@pytest.mark.parametrize(("reference", "beside"), REFERENCES.values(), ids=REFERENCES)
@pytest.mark.parametrize(("generate", "expected"), TOGETHER.values(), ids=TOGETHER)
def test_what_stands_by_itself_is_told_beside_another_mistake(
    generate: dict[str, Any], expected: list[str], reference: dict[str, str], beside: list[str]
) -> None:
    here = [f"spec.tables[1].columns[2].generate.{path}" for path in expected]
    assert told(_orders(reference, generate)) == sorted([*here, *beside])


def test_of_what_another_table_may_hold_nothing_is_said() -> None:
    generate = {"parent": {"via": "customer", "column": "registred"}}
    # No name is like it, so that the table itself may be missing, with the column.
    manifest = _orders({"table": "warehouses", "column": "place"}, generate)
    assert told(manifest) == ["spec.tables[1].columns[0].references.table"]
    # Some table has the column: it may be the one meant.
    generate["parent"]["column"] = "registered"
    manifest = _orders({"table": "custmers", "column": "id"}, generate)
    assert told(manifest) == ["spec.tables[1].columns[0].references.table"]


def test_a_wrong_part_of_a_generator_makes_nothing_else_wrong() -> None:
    for generate, path in (
        ({"choice": {"values": ["a", 2.5], "weights": [0, 0.5]}}, "choice.values[1]"),
        # Brackets too many: nobody knows how many values there will be.
        ({"choice": {"values": [["a", "b"]], "weights": [1, 2]}}, "choice.values[0]"),
        ({"choice": {"values": ["a", "b"], "weights": [0, "x"]}}, "choice.weights[1]"),
        ({"after": {"column": "at", "mean": "soon", "min": "2h"}}, "after.mean"),
        ({"after": {"column": "at", "mean": "1h", "max": "soon"}}, "after.max"),
        # The experiment's own locale lacks what another has.
        ({"faker": {"provider": "pybool", "locale": 5}}, "faker.locale"),
    ):
        manifest = _orders({"table": "customers", "column": "id"}, generate)
        column = manifest["spec"]["tables"][1]["columns"][2]
        column |= {"type": "timestamp"} if "after" in generate else {"unique": True}
        assert told(manifest) == [f"spec.tables[1].columns[2].generate.{path}"], generate


def test_the_reference_of_rows_per_is_judged_beside_a_misspelt_table() -> None:
    manifest = _orders({"table": "customers", "column": "id"}, {"constant": "x"})
    orders = manifest["spec"]["tables"][1]
    del orders["rows"]
    orders["rowsPer"] = {"table": "custmers", "via": "custmer", "mean": 1, "max": 2}
    assert told(manifest) == [
        "spec.tables[1].rowsPer.table",
        "spec.tables[1].rowsPer.via",
    ]


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all values below the spec."""
    if len(path) > 1:
        yield path
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _places(inner, (*path, key))


def _replaced(manifest: Manifest, path: tuple[str | int, ...], value: object) -> Manifest:
    changed = deepcopy(manifest)
    _at(changed, path[:-1])[path[-1]] = value
    return changed


def _text(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


@pytest.mark.parametrize("name", SMALL)
def test_one_value_of_a_wrong_shape_is_one_problem_wherever_it_stands(name: str) -> None:
    manifest = PLAIN[name]
    for path in _some(_places(manifest), name, 25):
        # A list of lists is right nowhere, and shown as one value.
        assert told(_replaced(manifest, path, [[[]]])) in (
            [_text(path)],
            [f"{_text(path)}[0]"],
            # Where names are listed, or texts, the item is wrong.
            [f"{_text(path)}[0][0]"],
        ), path


@pytest.mark.parametrize("name", SMALL)
def test_one_misspelt_field_is_one_problem_wherever_it_stands(name: str) -> None:
    manifest = PLAIN[name]
    fields = [
        path
        for path in _places(manifest)
        if isinstance(path[-1], str) and NAMED_BY_USERS.isdisjoint(path[:-1])
    ]
    for path in _some(fields, name, 15):
        changed = deepcopy(manifest)
        above = _at(changed, path[:-1])
        above[f"{path[-1]}x"] = above.pop(path[-1])
        assert told(changed) == [f"{_text(path)}x"], path


@pytest.mark.parametrize("name", SMALL)
def test_one_name_that_leads_nowhere_is_one_problem_wherever_it_stands(name: str) -> None:
    manifest = PLAIN[name]
    lists = ("primaryKey", "columns", "indexes")
    names = [
        path
        for path in _places(manifest)
        if (path[-1] in ("table", "column", "via") or path[-2] in lists)
        and isinstance(_at(manifest, path), str)
    ]
    for path in _some(names, name, 10):
        assert told(_replaced(manifest, path, "nowhere")) == [_text(path)], path


@pytest.mark.parametrize("seed", range(25))
def test_no_problem_goes_when_only_another_is_mended(seed: int) -> None:
    random = Random(seed)
    manifest = PLAIN[random.choice(SMALL)]
    drawn = _some(_places(manifest), str(seed), 5)
    # Faults within one another are one fault.
    places = [path for path in drawn if not any(path[: len(p)] == p for p in drawn if p != path)]
    # A name that two of them have would be a fault of both together.
    values = random.sample(STRANGE, len(places))
    wrong = dict(zip(places, values, strict=True))
    together = set(told(_with(manifest, wrong)))
    for path in places:
        others = {other: value for other, value in wrong.items() if other != path}
        own = set(told(_with(manifest, {path: wrong[path]})))
        assert together - own <= set(told(_with(manifest, others))), (path, wrong)


def _with(manifest: Manifest, values: Mapping[tuple[str | int, ...], object]) -> Manifest:
    for path, value in values.items():
        manifest = _replaced(manifest, path, value)
    return manifest


def _some(
    places: Iterable[tuple[str | int, ...]], seed: str, most: int
) -> list[tuple[str | int, ...]]:
    known = [path for path in places if path[0] == "spec" and len(path) > 1]
    return Random(seed).sample(known, min(len(known), most))


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value
