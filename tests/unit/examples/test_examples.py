"""The examples are what their names promise, and their data is as released."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core import _multiarray_umath as built
from shop_checksums import SHOP, checksums

from rowmill.spec.dataset import PickProduct, PickTree
from rowmill.spec.load import load_spec

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden_shop.json").read_text())
OTHER_NUMPY = os.environ.get("ROWMILL_OTHER_NUMPY")


def test_the_shop_has_ten_million_rows_in_related_tables() -> None:
    dataset = load_spec(SHOP).dataset
    assert sum(table.rows for table in dataset.tables) == 10_000_000
    assert len(dataset.tables) >= 8
    picks = [type(link.pick) for table in dataset.tables for link in table.links]
    assert PickTree in picks
    assert PickProduct in picks
    assert any(len(link.columns) > 1 for table in dataset.tables for link in table.links)


def test_the_minimal_example_has_fifteen_lines_and_the_wide_one_ten_columns() -> None:
    minimal, wide = SHOP.with_name("minimal.yaml"), SHOP.with_name("wide.yaml")
    assert len(minimal.read_text().splitlines()) <= 15
    assert load_spec(minimal).dataset.tables
    (table,) = load_spec(wide).dataset.tables
    assert (table.rows, len(table.columns)) == (10_000_000, 10)


def test_the_shop_is_as_released() -> None:
    assert checksums() == GOLDEN


def test_the_shop_is_the_same_without_the_processors_wide_instructions() -> None:
    wide = [name for name in built.__cpu_dispatch__ if built.__cpu_features__[name]]
    assert in_another_process(sys.path, NPY_DISABLE_CPU_FEATURES=" ".join(wide)) == GOLDEN


@pytest.mark.skipif(
    OTHER_NUMPY is None,
    reason="ROWMILL_OTHER_NUMPY names no folder with another numpy (make test installs one)",
)
def test_the_shop_is_the_same_with_another_numpy() -> None:
    assert in_another_process([str(OTHER_NUMPY), *sys.path]) == GOLDEN


def in_another_process(path: list[str], **environment: str) -> dict[str, str]:
    printed = subprocess.run(
        [sys.executable, HERE / "shop_checksums.py"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found: dict[str, str] = json.loads(printed)
    return found
