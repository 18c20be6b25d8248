"""Estimated widths cut tables into parts, so they belong to the data version and never change.

After a deliberate change in an open data version N:
`python -m tests.unit.plan.test_widths N` writes its file anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rowmill.plan.width import row_bytes
from rowmill.spec.load import load_spec
from rowmill.spec.values.types import SAMPLES
from rowmill.spec.versions import VERSIONS

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples"
VALID = HERE.parent / "spec" / "valid"
# The examples, every kind, and every type with what is inferred for it.
MANIFESTS = [
    *(EXAMPLES / f"{name}.yaml" for name in ("minimal", "shop", "wide")),
    *(VALID / f"{name}.yaml" for name in ("every-kind", "kinds", "unique")),
]


def widths(data_version: int) -> dict[str, dict[str, int]]:
    """Of each manifest the bytes of a row of each table."""
    texts = {path.stem: path.read_text("utf-8") for path in MANIFESTS} | {"types": _types()}
    found = {}
    for name, text in texts.items():
        head, spec, rest = text.partition("\nspec:\n")
        pinned = f"{head}{spec}  dataVersion: {data_version}\n{rest}"
        dataset = load_spec(name, text=pinned).dataset
        found[name] = {table.name: row_bytes(dataset, table) for table in dataset.tables}
    return found


def _types() -> str:
    """A manifest of one table for each type, whose columns say nothing."""
    tables = "".join(
        f"    - {{name: t{number}, rows: 10, columns: [{{name: c, type: '{kind}'}}]}}\n"
        for number, kind in enumerate(SAMPLES)
    )
    return (
        "apiVersion: rowmill.dev/v1alpha1\nkind: Experiment\nmetadata: {name: types}\nspec:\n"
        f"  destinations: {{parquet: {{bucket: lake}}}}\n  tables:\n{tables}"
    )


def golden(data_version: int) -> Path:
    return HERE / f"golden_widths_{data_version}.json"


@pytest.mark.parametrize("data_version", VERSIONS)
def test_rows_are_as_wide_as_in_the_golden_file(data_version: int) -> None:
    assert widths(data_version) == json.loads(golden(data_version).read_text())


if __name__ == "__main__":
    version = int(sys.argv[1])
    golden(version).write_text(json.dumps(widths(version), indent=2) + "\n")
