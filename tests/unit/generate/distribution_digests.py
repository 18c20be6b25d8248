"""Digests of every distribution in the types it takes; as a program it prints them as JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from rowmill.generate.draws.bits import bits
from rowmill.generate.draws.shapes import TruncatedExponential
from rowmill.generate.rows import Generator
from rowmill.spec.kind.base import Kind
from rowmill.spec.kinds import Beta, Exponential, Lognormal, Normal, Poisson, Zipf
from tests.unit.generate.core_datasets import one_column

ROWS = 2**40
COLUMNS: list[tuple[Kind, str]] = [
    (Normal(40.0, 12.0, 18, 99), "smallint"),
    (Normal(1e18, 10.0, None, None), "bigint"),
    (Normal(0.0, 1.0, None, None), "real"),
    (Normal(0.0, 1.0, None, None), "double precision"),
    (Normal(0.0, 1.0, 6.0, 7.0), "double precision"),
    (Normal(1e30, 1e25, None, None), "numeric(38,4)"),
    (Normal(5.0, 1.0, Decimal("1.25"), Decimal("6.5")), "numeric(10,2)"),
    (Lognormal(3.5, 0.8, None, Decimal(5000)), "numeric(10,2)"),
    (Lognormal(0.0, 1.0, None, None), "double precision"),
    (Lognormal(2.0, 50.0, None, None), "real"),
    (Exponential(2.5, None, None), "double precision"),
    (Exponential(2.5, 100, 120), "integer"),
    (Beta(2.0, 3.0, 1, 5), "integer"),
    (Beta(0.5, 0.5, 0.0, 1.0), "double precision"),
    (Beta(1e6, 3.0, Decimal(0), Decimal(1)), "numeric(12,10)"),
    (Beta(0.01, 0.02, 0.0, 1.0), "double precision"),
    (Poisson(4.0, None, None), "smallint"),
    (Poisson(1e6, 999_000, None), "integer"),
    (Poisson(1e12, None, None), "bigint"),
    (Zipf(1.3, 40), "numeric(5,2)"),
    (Zipf(1.1, 10**6), "integer"),
    (Zipf(1.0, 10**12), "bigint"),
    (Zipf(0.0, 10**12), "double precision"),
]


def digests() -> dict[str, str]:
    """Kind and type -> 16 hex digits over 20,000 rows: the first ones and some from everywhere."""
    rows = np.concatenate(
        [np.arange(10_000), np.arange(10_000, dtype=np.int64) * 2_654_435_761_123 % ROWS]
    )
    found = {}
    for kind, type_text in COLUMNS:
        column = Generator(one_column(kind, type_text, ROWS)).frame("t", rows).cells("c")
        found[f"{kind} {type_text}"] = _digest(column)
    delays = TruncatedExponential(7.776e12, 3.6e9, 3.1536e13).draw(bits(5, rows))
    found["delays"] = _digest(pa.array(delays))
    return found


def _digest(values: pa.Array) -> str:
    """Of the cells' own bytes, so that no bit may differ."""
    return blake2b(values.buffers()[1], digest_size=8).hexdigest()


if __name__ == "__main__":
    print(json.dumps(digests(), indent=2))
