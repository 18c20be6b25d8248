"""Which pools a dataset draws from, and those among them that must be made before a run.

Such a pool is made once a run (`making.py`) and kept beside the ledger under its digest.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from rowmill.generate.pools.key import PERSON, PoolKey
from rowmill.generate.pools.shipped import shipped
from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.faker.providers import PERSON_FIELDS
from rowmill.spec.kind.base import Kind, walk
from rowmill.spec.kinds import Faker
from rowmill.spec.values.types import STRINGS, ColumnType
from rowmill.spec.versions import rule_version


def required_pools(dataset: Dataset) -> list[PoolKey]:
    """The pools that the dataset draws from and the package doesn't ship, each once."""
    wanted: dict[PoolKey, None] = {}
    for table in dataset.tables:
        for column in table.columns:
            for kind, column_type in _faker_kinds(column.kind, column.type):
                key = pool_key(dataset, table, column, kind, column_type)
                needed = table.rows if column.unique else 1
                values = shipped(key)
                if values is None or len(values) < needed:
                    wanted[key] = None
    return list(wanted)


def pool_key(
    dataset: Dataset, table: Table, column: Column, kind: Faker, column_type: ColumnType
) -> PoolKey:
    """The key of the pool that a column, or an array column's elements, draws from."""
    version = rule_version(dataset.data_version, "pools")
    if kind.provider in PERSON_FIELDS:
        # The elements of an array are persons of their own.
        own = column.kind is kind and table.by_name.get(column.name) is column
        size = max(k.pool for _, k in entity_columns(table, kind)) if own else kind.pool
        return PoolKey(PERSON, (), kind.locale, size, None, version)
    max_length = column_type.length if column_type.name in STRINGS else None
    return PoolKey(kind.provider, kind.args, kind.locale, kind.pool, max_length, version)


def entity_columns(table: Table, kind: Faker) -> list[tuple[Column, Faker]]:
    """The table's columns that describe the same person as `kind`, with their kinds."""
    return [
        (column, column.kind)
        for column in table.columns
        if isinstance(column.kind, Faker)
        and column.kind.provider in PERSON_FIELDS
        and (column.kind.entity, column.kind.locale) == (kind.entity, kind.locale)
    ]


def make_pool(key: PoolKey) -> pa.Array:
    """A pool that the package doesn't ship, drawn from Faker; see `making.draw_pool`.

    Raises:
        ValueError: the provider fails with its arguments, or gives no value short enough.
    """
    # Faker is slow to import, and most runs make no pool.
    from rowmill.generate.pools.making import draw_pool

    return draw_pool(key)


def _faker_kinds(kind: Kind, column_type: ColumnType) -> Iterator[tuple[Faker, ColumnType]]:
    for inner in walk(kind, column_type):
        if isinstance(inner.kind, Faker):
            yield inner.kind, inner.type
