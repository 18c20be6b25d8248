"""The pools that the package ships: data, not code, so that they don't change with Faker's version.

Of shipped locales every pool is a column of one Parquet file with a single row, so that reading one
costs nothing for the rest.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rowmill.generate.pools.key import PoolKey

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


@lru_cache(maxsize=64)
def _catalogue(locale: str, version: int) -> dict[str, bool]:
    """Of a locale's shipped providers: whether these are all of their values."""
    file = resources.files("rowmill.generate.pools").joinpath(
        f"data/pools-{version}/{locale}.parquet"
    )
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        schema = pq.read_schema(stream)
    every: dict[str, bool] = json.loads(schema.metadata[b"rowmill:exhausted"])
    return every


@lru_cache(maxsize=256)
def _load(locale: str, version: int, provider: str) -> pa.Array:
    path = resources.files("rowmill.generate.pools").joinpath(
        f"data/pools-{version}/{locale}.parquet"
    )
    with path.open("rb") as stream:
        # Not `read_table`, which imports Arrow's dataset layer: 40 MB in every worker. And nothing
        # that starts a thread: of no use for one column, and the process may be forked yet.
        file = pq.ParquetFile(stream, pre_buffer=False)
        table = file.read(columns=[provider], use_threads=False)
    column = table.column(provider)
    return pa.concat_arrays([column.combine_chunks().flatten()])
