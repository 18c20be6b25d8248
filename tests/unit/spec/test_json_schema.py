"""The editors' schema says what the model says: on all examples and on every bad manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from rowmill.spec.json_schema import json_schema
from rowmill.spec.manifest import Experiment
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.structure import read_structure
from rowmill.spec.yaml_reader import read_documents

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE.parents[2] / "examples").glob("*.yaml"))
VALID = [*sorted((HERE / "valid").glob("*.yaml")), *EXAMPLES]
INVALID = sorted((HERE / "invalid").glob("*.yaml"))
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


def test_no_field_takes_null() -> None:
    assert not [m for m in _mappings(SCHEMA) if m.get("type") == "null"]


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
    try:
        documents = read_documents(path.read_text(encoding="utf-8"))
    except InvalidManifest:
        pytest.skip("no value to judge: refused as YAML")
    for document in documents:
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
