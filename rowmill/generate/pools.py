"""Pools: the distinct texts that `faker` columns draw from, shipped with the package or made once.

A pool is data, not code: shipped ones don't change with Faker's version, others are made once a run
(`pool_making`) and kept beside the ledger under their digest. Of shipped locales every pool is a
column of one Parquet file with a single row, so that reading one costs nothing for the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.kinds import Array, Faker, Kind
from rowmill.spec.providers import PERSON_FIELDS
from rowmill.spec.types import STRINGS, ColumnType
from rowmill.spec.versions import version_of

# The pool of whole persons, row by row coherent, that all of PERSON_FIELDS draw from.
PERSON = "person"
# The fields of a person as stored, from which PERSON_FIELDS follow.
PERSON_TYPE = pa.struct(
    [
        (field, pa.string())
        for field in (
            "name",
            "first_name",
            "last_name",
            "prefix",
            "gender",
            "user_name",
            "safe_domain",
            "free_domain",
            "company_domain",
        )
    ]
)

# Who asks for no more than the default size is content with as many as are shipped.
STANDARD_SIZE = 10_000
# After leaving out long values so many of a shipped pool must remain.
_ENOUGH = 1_000
# Alike in every locale, shipped with en_US.
NEUTRAL = frozenset(
    {
        "country_code",
        "credit_card_number",
        "credit_card_provider",
        "credit_card_security_code",
        "currency_code",
        "currency_name",
        "ean",
        "ean13",
        "ean8",
        "emoji",
        "hex_color",
        "http_method",
        "ipv4",
        "ipv4_private",
        "ipv4_public",
        "ipv6",
        "isbn10",
        "isbn13",
        "language_code",
        "latitude",
        "longitude",
        "mac_address",
        "mime_type",
        "timezone",
        "user_agent",
    }
)
_NEUTRAL_LOCALE = "en_US"


@dataclass(frozen=True)
class PoolKey:
    """What defines a pool: `size` values at most, each of at most `max_length` characters."""

    provider: str
    args: tuple[tuple[str, int | str], ...]
    locale: str
    size: int
    max_length: int | None
    version: int

    @property
    def digest(self) -> str:
        """A stable name: the SHA-256, in hexadecimal, of the key's canonical JSON."""
        fields = [
            self.provider,
            [list(argument) for argument in self.args],
            self.locale,
            self.size,
            self.max_length,
            self.version,
        ]
        return sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


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
    version = version_of(dataset.data_version, "pools")
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


def shipped(key: PoolKey) -> pa.Array | None:
    """The pool if the package ships it: at most `key.size` values, perhaps fewer; else None.

    It ships fewer than asked if that is the standard size or all that the provider has.
    """
    locale = _NEUTRAL_LOCALE if key.provider in NEUTRAL else key.locale
    known = _catalogue(locale, key.version)
    if key.args or key.provider not in known:
        return None
    values = _load(locale, key.version, key.provider)
    all_there = known[key.provider]
    if key.size > max(STANDARD_SIZE, len(values)) and not all_there:
        return None
    if key.max_length is not None:
        values = values.filter(pc.less_equal(pc.utf8_length(values), key.max_length))
        if len(values) == 0 or (len(values) < min(key.size, _ENOUGH) and not all_there):
            return None
    return values[: key.size]


def make_pool(key: PoolKey) -> pa.Array:
    """A pool that the package doesn't ship, drawn from Faker; see `pool_making.draw_pool`.

    Raises:
        ValueError: the provider fails with its arguments, or gives no value short enough.
    """
    # Faker is slow to import, and most runs make no pool.
    from rowmill.generate.pool_making import draw_pool

    return draw_pool(key)


def _faker_kinds(kind: Kind, column_type: ColumnType) -> Iterator[tuple[Faker, ColumnType]]:
    if isinstance(kind, Array):
        yield from _faker_kinds(kind.of, column_type.element)
    elif isinstance(kind, Faker):
        yield kind, column_type


@lru_cache(maxsize=64)
def _catalogue(locale: str, version: int) -> dict[str, bool]:
    """Of a locale's shipped providers: whether these are all of their values."""
    file = resources.files("rowmill.generate").joinpath(f"data/pools-{version}/{locale}.parquet")
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        schema = pq.read_schema(stream)
    every: dict[str, bool] = json.loads(schema.metadata[b"rowmill:exhausted"])
    return every


@lru_cache(maxsize=256)
def _load(locale: str, version: int, provider: str) -> pa.Array:
    file = resources.files("rowmill.generate").joinpath(f"data/pools-{version}/{locale}.parquet")
    with file.open("rb") as stream:
        # Not `read_table`, which imports Arrow's dataset layer: 40 MB in every worker.
        column = pq.ParquetFile(stream).read(columns=[provider]).column(provider)
    return pa.concat_arrays([column.combine_chunks().flatten()])
