"""What is asked of every kind: an example that is right, documents, a golden, its law.

`make generate` adds the golden of a new kind.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from numpy.typing import NDArray

from rowmill.generate.arrow_types import arrow_type
from rowmill.spec.crd.definition import crd
from rowmill.spec.crd.json_schema import json_schema
from rowmill.spec.kind.moments import MOMENTS
from rowmill.spec.kinds import ENTRIES, KindEntry
from rowmill.spec.load import load_spec
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.rules.uniqueness import unique_kinds
from rowmill.spec.values.types import NUMBERS, TypeName, parse_type
from rowmill.spec.versions import VERSIONS
from tests.unit.generate.kind_examples import cells, digest, manifest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
GOLDEN = json.loads((HERE / "golden_examples.json").read_text())
REFERENCE = (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")
(VERSION,) = crd()["spec"]["versions"]
every_kind = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)


# Of these an example says the mean and the deviation.
_MEASURED = NUMBERS | MOMENTS | {TypeName.BOOLEAN, TypeName.TIME, TypeName.INTERVAL}


def _is_measured(entry: KindEntry) -> bool:
    made = parse_type(entry.example.type)
    return made.name in _MEASURED and not made.array


def test_there_is_a_golden_of_every_kind_in_every_data_version() -> None:
    keys = {entry.key for entry in ENTRIES}
    assert {version: golden.keys() for version, golden in GOLDEN.items()} == {
        str(version): keys for version in VERSIONS
    }


@every_kind
@pytest.mark.parametrize("version", VERSIONS)
def test_no_cell_of_an_example_has_changed(entry: KindEntry, version: int) -> None:
    assert digest(entry, version) == GOLDEN[str(version)][entry.key]


@every_kind
def test_the_example_fills_its_column(entry: KindEntry) -> None:
    column = cells(entry, rows=100)
    assert column.type == arrow_type(parse_type(entry.example.type))
    assert column.null_count == 0


@pytest.mark.parametrize(
    "entry", [each for each in ENTRIES if _is_measured(each)], ids=lambda entry: entry.key
)
def test_values_have_the_mean_and_the_deviation_that_the_example_says(entry: KindEntry) -> None:
    values = _in_units(cells(entry))
    mean, deviation = entry.example.mean, entry.example.deviation
    assert mean is not None
    assert deviation is not None
    # Six standard errors; that of a deviation is larger where the tails are heavy.
    assert abs(values.mean() - mean) <= 6 * deviation / len(values) ** 0.5 + 1e-3
    assert values.std() == pytest.approx(deviation, rel=0.05, abs=1e-9)


@every_kind
def test_the_schemas_take_the_example(entry: KindEntry) -> None:
    Draft202012Validator(json_schema()).validate(manifest(entry))
    # Its `exclusiveMinimum` is true or false, as in that draft.
    Draft4Validator(VERSION["schema"]["openAPIV3Schema"]).validate(manifest(entry))


@every_kind
def test_the_definition_has_the_kind_with_a_description(entry: KindEntry) -> None:
    member = _generate(VERSION["schema"]["openAPIV3Schema"])[entry.key]
    assert member["description"]
    assert all(each.get("description") for each in member.get("properties", {}).values())


@every_kind
def test_the_reference_has_the_kind(entry: KindEntry) -> None:
    assert f"| **`{entry.key}`** |" in REFERENCE


@every_kind
def test_a_kind_can_be_unique_if_messages_and_the_page_say_so(entry: KindEntry) -> None:
    asked = manifest(entry)
    asked["spec"]["tables"][1]["columns"][-1]["unique"] = True
    try:
        load_spec("example", text=json.dumps(asked))
        problems = ""
    except InvalidManifest as error:
        problems = str(error)
    repeats = "cannot be unique, its values repeat" in problems
    assert repeats is not entry.can_be_unique
    named = re.findall(r"(\w+)(?: \([^)]*\))?(?:, | or |$)", unique_kinds())
    assert (entry.key in named) is entry.can_be_unique


def _in_units(column: pa.Array) -> NDArray[np.float64]:
    """Numbers as they are, dates in days, times and timestamps in microseconds."""
    if pa.types.is_temporal(column.type):
        column = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64())
    return np.array(column.to_pylist(), dtype=np.float64)


def _generate(schema: dict[str, Any]) -> dict[str, Any]:
    spec = schema["properties"]["spec"]
    table = spec["properties"]["tables"]["items"]
    column = table["properties"]["columns"]["items"]
    found: dict[str, Any] = column["properties"]["generate"]["properties"]
    return found
