"""Digests of every column of `everything()`; as a program it prints them as JSON."""

from __future__ import annotations

import json
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from rowmill.generate.rows import Generator
from tests.unit.generate.core_datasets import everything


def digests() -> dict[str, str]:
    """`table.column` -> 16 hex digits over 10,000 rows: the first ones and some from everywhere."""
    made = everything()
    generator = Generator(made)
    found = {}
    for table in made.tables:
        if not table.rows:
            continue
        rows = np.concatenate(
            [np.arange(min(5000, table.rows)), np.arange(5000) * 2_654_435_761 % table.rows]
        )
        frame = generator.frame(table.name, rows)
        for column in table.columns:
            found[f"{table.name}.{column.name}"] = digest(frame.cells(column.name))
    return found


def digest(values: pa.Array) -> str:
    """Of the cells as Python literals, moments as integers: the same with any Arrow version."""
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    if pa.types.is_temporal(values.type) and values.type != pa.month_day_nano_interval():
        values = values.view(pa.int32() if values.type == pa.date32() else pa.int64())
    cells = [tuple(v) if isinstance(v, pa.MonthDayNano) else v for v in values.to_pylist()]
    return blake2b(repr(cells).encode(), digest_size=8).hexdigest()


if __name__ == "__main__":
    print(json.dumps(digests(), indent=2))
