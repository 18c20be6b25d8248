"""Small datasets of one table for the tests of the text kinds."""

from collections.abc import Sequence

import pyarrow as pa

from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.kind.base import Kind
from rowmill.spec.values.types import parse_type


def column(
    name: str, type_name: str, kind: Kind, *, nulls: float = 0.0, unique: bool = False
) -> Column:
    return Column(name, parse_type(type_name), kind, nulls, nulls > 0, unique)


def dataset(
    columns: Sequence[Column], *, rows: int = 1000, seed: int = 42, data_version: int = 1
) -> Dataset:
    table = Table("t", rows, tuple(columns), (), None, (), (), ())
    return Dataset(seed, "en_US", data_version, (table,))


def cells(
    kind: Kind,
    type_name: str = "text",
    *,
    rows: int = 1000,
    nulls: float = 0.0,
    unique: bool = False,
    seed: int = 42,
    data_version: int = 1,
) -> pa.Array:
    """All cells of a table's one column, not dictionary-encoded."""
    columns = [column("c", type_name, kind, nulls=nulls, unique=unique)]
    one = dataset(columns, rows=rows, seed=seed, data_version=data_version)
    return plain(Generator(one).batch("t", 0, rows).column(0))


def plain(values: pa.Array) -> pa.Array:
    if isinstance(values, pa.DictionaryArray):
        return values.dictionary_decode()
    return values
