"""A row is found again by its key, whatever kinds the key is made of."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Dataset, Table
from rowmill.spec.load import load_spec
from rowmill.verify.pairing import key_columns
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.row_finder import Key, find_row
from rowmill.worker.pools import make_pools

_VALID = Path(__file__).parents[1] / "spec" / "valid"


def _key(table: Table, recomputed: Recomputed, row: int) -> Key:
    columns = recomputed.rows(table, np.array([row], dtype=np.int64))
    by_name = dict(zip(table.by_name, columns, strict=True))
    return {name: by_name[name] for name in key_columns(table)}


@pytest.mark.parametrize("manifest", ["relations", "unique", "hostile-names"])
def test_every_table_with_a_key_finds_its_rows(manifest: str) -> None:
    spec = load_spec(_VALID / f"{manifest}.yaml")
    dataset = spec.dataset
    pools = make_pools(dataset)
    recomputed = Recomputed(lambda: Generator(dataset, pools))
    found = 0
    for table in dataset.tables:
        if not key_columns(table):
            continue
        for row in {0, table.rows // 3, min(table.rows, 40_000) - 1} if table.rows else ():
            key = _key(table, recomputed, row)
            if any(cells.null_count for cells in key.values()):
                continue
            assert find_row(dataset, table, key, recomputed) == row
            found += 1
    assert found


def _generator(data: Dataset) -> Generator:
    return Generator(data, make_pools(data))


def test_a_key_of_no_row_is_not_found() -> None:
    dataset = load_spec(_VALID / "relations.yaml").dataset
    other = load_spec(_VALID / "unique.yaml").dataset
    for data in (dataset, other):
        recomputed = Recomputed(partial(_generator, data))
        for table in data.tables:
            names = key_columns(table)
            if not names or table.rows == 0:
                continue
            key = _key(table, recomputed, 0)
            nothing = {name: pa.nulls(1, cells.type) for name, cells in key.items()}
            assert find_row(data, table, nothing, recomputed) is None
