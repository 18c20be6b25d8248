"""The examples are what their names promise, and their data is as released."""

from __future__ import annotations

import json
from pathlib import Path

from rowmill.spec.dataset import PickProduct, PickTree
from rowmill.spec.load import load_spec
from tests.golden_process import needs_other_numpy, with_other_numpy, without_wide_instructions
from tests.unit.examples.shop_checksums import SHOP, checksums

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden_shop.json").read_text())


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
    assert without_wide_instructions(HERE / "shop_checksums.py") == GOLDEN


@needs_other_numpy
def test_the_shop_is_the_same_with_another_numpy() -> None:
    assert with_other_numpy(HERE / "shop_checksums.py") == GOLDEN
