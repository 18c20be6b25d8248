"""The editors' schema says what the model says: on all examples and on every bad manifest."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from rowmill.spec.crd.json_schema import json_schema, model_schema
from rowmill.spec.fields import Duration, Model, OneOf
from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.manifest.structure import read_structure
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.yaml.reader import read_documents

HERE = Path(__file__).parent


def _is_yaml(path: Path) -> bool:
    try:
        read_documents(path.read_text(encoding="utf-8"))
    except InvalidManifest:
        return False
    return True


# What is no manifest but servers for one.
SERVERS = {"dev-stack.yaml"}
EXAMPLES = sorted(p for p in (HERE.parents[2] / "examples").glob("*.yaml") if p.name not in SERVERS)
VALID = [*sorted((HERE / "valid").glob("*.yaml")), *EXAMPLES]
INVALID = [path for path in sorted((HERE / "invalid").glob("*.yaml")) if _is_yaml(path)]
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

# What only the model says of one field: the grammar of a type and of a quantity, bytes instead of
# characters, NUL, and durations beyond a timestamp. One file each holds nothing else.
BEYOND_SCHEMA = {"face-beyond-the-schema"}


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _mappings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _mappings(inner)


def test_is_a_schema_of_its_dialect() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_every_mapping_is_closed_and_every_field_described() -> None:
    objects = [m for m in _mappings(SCHEMA) if isinstance(m.get("properties"), dict)]
    assert len(objects) > 40
    for found in objects:
        assert found["additionalProperties"] is False
        for name, field in found["properties"].items():
            target = SCHEMA["$defs"].get(str(field.get("$ref", "")).rpartition("/")[2], {})
            assert field.get("description") or target.get("description"), name


def test_one_ofs_have_exactly_one_member() -> None:
    for name in ("GenerateSpec", "ElementSpec", "PickSpec"):
        definition = SCHEMA["$defs"][name]
        assert (definition["minProperties"], definition["maxProperties"]) == (1, 1)


def test_only_kubernetes_own_fields_take_null() -> None:
    ours = {name: found for name, found in SCHEMA["$defs"].items() if name != "Metadata"}
    assert not [m for m in _mappings(ours) if "null" in m.get("type", ())]
    assert "null" in SCHEMA["$defs"]["Metadata"]["properties"]["labels"]["type"]


def test_defaults_are_values_of_their_fields() -> None:
    fields = [m for m in _mappings(SCHEMA) if "default" in m and "type" in m]
    assert len(fields) > 20
    for field in fields:
        Draft202012Validator(field).validate(field["default"])


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_manifests_fit(path: Path) -> None:
    (document,) = read_documents(path.read_text(encoding="utf-8"))
    VALIDATOR.validate(document.value)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_agrees_with_the_model_on_bad_manifests(path: Path) -> None:
    for document in read_documents(path.read_text(encoding="utf-8")):
        if path.stem in BEYOND_SCHEMA:
            assert VALIDATOR.is_valid(document.value)
        else:
            assert VALIDATOR.is_valid(document.value) == _fits_model(document.value)


def _fits_model(value: object) -> bool:
    try:
        Experiment.model_validate(value)
    except ValidationError:
        return False
    return True


def test_what_only_the_model_refuses_is_still_refused() -> None:
    path = HERE / "invalid" / "face-beyond-the-schema.yaml"
    structure = read_structure(path.read_text(encoding="utf-8"))
    assert structure.experiment is None


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from _paths(inner, (*path, key))


def _replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copied


STRANGERS: tuple[Any, ...] = (
    None, True, 5, -1, 10**18, Decimal("0.5"), "text", "", "5s", [], {}, {"x": 1}, [{}],
)  # fmt: skip
# Their grammar is not the schema's.
GRAMMARS = {"type", "memory", "cpu", "ephemeral-storage"}


@pytest.mark.parametrize("name", ["every-kind", "as-kubectl-gives-it"])
def test_agrees_with_the_model_wherever_a_value_is_swapped(name: str) -> None:
    (document,) = read_documents((HERE / "valid" / f"{name}.yaml").read_text(encoding="utf-8"))
    swaps = itertools.product(_paths(document.value), STRANGERS)
    judged = 0
    # Every seventh: all of them take half a minute and find no more.
    for path, stranger in itertools.islice(swaps, 0, None, 7):
        if path[-1] in GRAMMARS:
            continue
        raw = _replaced(document.value, path, stranger)
        try:
            structure = read_structure(json.dumps(raw, default=float))
            accepted = structure.experiment is not None
            # The words for an error that has none of its own.
            assert not [f for f in structure.faults if "is not right here" in f.problem.message]
        except InvalidManifest:
            accepted = False
        assert VALIDATOR.is_valid(raw) == accepted, (path, stranger)
        judged += 1
    assert judged > 100


class _Wait(Model):
    least: Duration = 0
    most: Duration = 5_400_000_000


class _Waits(OneOf):
    wait: _Wait | None = None


def test_a_duration_by_default_is_in_the_manifests_words() -> None:
    fields = model_schema(_Waits)["$defs"]["_Wait"]["properties"]
    assert {name: field["default"] for name, field in fields.items()} == {
        "least": "0s",
        "most": "1h30m",
    }
