"""Uniform where it should be, and no column says anything about another, or about its neighbours.

Fixed seeds; each chi-square is refused beyond 5.5 standard deviations above its mean, which a sound
generator passes in all but about one of a million seeds.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from rowmill.generate.rows import Generator
from rowmill.spec import kinds
from rowmill.spec.dataset import Dataset, PickUniform, PickZipf
from tests.unit.generate.core_datasets import column, dataset, link, reference, table

ROWS = 200_000
BINS = 16


def excess(observed: np.ndarray, expected: np.ndarray | float) -> float:
    """By how many standard deviations chi-square exceeds its degrees of freedom."""
    freedom = observed.size - 1
    chi_square = float(((observed - expected) ** 2 / expected).sum())
    return float((chi_square - freedom) / (2 * freedom) ** 0.5)


def binned(values: pa.Array) -> np.ndarray:
    """Cells as 0 to 15, by rank: each bin as full."""
    if isinstance(values, pa.DictionaryArray):
        return np.asarray(values.indices).astype(np.int64)
    if pa.types.is_temporal(values.type):
        values = values.view(pa.int32() if values.type == pa.date32() else pa.int64())
    numbers = np.asarray(values.cast(pa.float64(), safe=False))
    low, high = numbers.min(), numbers.max()
    bins: np.ndarray = ((numbers - low) / (high - low) * BINS).astype(np.int64)
    return np.asarray(np.minimum(bins, BINS - 1))


def uniform_columns() -> Dataset:
    uniform, letters = kinds.Uniform, tuple("abcdefghijklmnop")
    return dataset(
        table("p", 1600, column("id", "bigint", kinds.Sequence(0, 1))),
        table(
            "t",
            ROWS,
            column("a", "bigint", uniform(-(2**63), 2**63 - 1, 0)),
            column("b", "integer", uniform(0, 15, 0)),
            column("c", "integer", uniform(0, 15, 0)),
            column("d", "bigint", uniform(0, 16_000_000 - 1, 0), unique=True),
            column("e", "numeric(10,2)", uniform(Decimal(0), Decimal("159999.99"), 2)),
            column("f", "double precision", uniform(0.0, 1.0, None)),
            column("g", "text", kinds.Choice(letters, None)),
            column("h", "text", kinds.Choice(letters, (7,) * 16)),
            column("i", "timestamptz", kinds.Between(0, 16 * 10**12 - 1, 1)),
            column("j", "date", kinds.Between(0, 15_999, 1)),
            reference("k"),
            reference("l"),
            links=(link("k", "p", PickUniform()), link("l", "p", PickUniform())),
        ),
    )


COLUMNS = "abcdefghijkl"
BATCH = Generator(uniform_columns()).batch("t", 0, ROWS)
BINNED = {name: binned(BATCH.column(name)) for name in COLUMNS}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_uniform(name: str) -> None:
    observed = np.bincount(BINNED[name], minlength=BINS)
    assert excess(observed, ROWS / BINS) < 5.5


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("lag", [1, 2, 16, 1024, 16_384])
def test_rows_say_nothing_about_later_rows(name: str, lag: int) -> None:
    values = BINNED[name]
    pairs = np.bincount(values[lag:] * BINS + values[:-lag], minlength=BINS * BINS)
    assert excess(pairs, pairs.sum() / BINS**2) < 5.5


@pytest.mark.parametrize(("one", "other"), list(combinations(COLUMNS, 2)))
def test_columns_say_nothing_about_each_other(one: str, other: str) -> None:
    pairs = np.bincount(BINNED[one] * BINS + BINNED[other], minlength=BINS * BINS)
    assert excess(pairs, ROWS / BINS**2) < 5.5


def test_nulls_say_nothing_about_values_or_other_nulls() -> None:
    digit = kinds.Uniform(0, 9, 0)
    made = dataset(
        table("t", ROWS, *(column(name, "integer", digit, nulls=0.5) for name in "ab")),
    )
    batch = Generator(made).batch("t", 0, ROWS)
    a, b = (np.asarray(batch.column(name).is_valid()).astype(np.int64) for name in "ab")
    assert excess(np.bincount(a * 2 + b, minlength=4), ROWS / 4) < 5.5
    values = np.asarray(batch.column("b").fill_null(0))[b == 1]
    cells = np.bincount(a[b == 1] * 10 + values, minlength=20)
    assert excess(cells, cells.sum() / 20) < 5.5


def test_hot_parents_of_two_links_are_not_the_same() -> None:
    made = dataset(
        table("p", 100_000, column("id", "bigint", kinds.Sequence(0, 1))),
        table(
            "t",
            ROWS,
            reference("a"),
            reference("b"),
            links=(link("a", "p", PickZipf(1.2)), link("b", "p", PickZipf(1.2))),
        ),
    )
    batch = Generator(made).batch("t", 0, ROWS)
    hottest = [
        set(np.argsort(np.bincount(np.asarray(batch.column(name))))[-20:].tolist()) for name in "ab"
    ]
    assert len(hottest[0] & hottest[1]) <= 2
