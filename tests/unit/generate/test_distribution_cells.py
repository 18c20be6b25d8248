"""Cells of distributions: every type, rounding, bounds and their fair share."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import stats

from rowmill.generate.draws.exact_math import Floats
from rowmill.generate.rows import Generator
from rowmill.spec.kind.base import Kind
from rowmill.spec.kinds import Beta, Exponential, Gamma, Lognormal, Normal, Poisson, Zipf
from tests.unit.generate.core_datasets import one_column

DRAWS = 1_000_000


def cells(kind: Kind, type_text: str, rows: int = DRAWS) -> pa.Array:
    made = Generator(one_column(kind, type_text, rows)).batch("t", 0, rows).column(0)
    made.validate(full=True)
    return made


def units(values: pa.Array) -> np.ndarray:
    """Whole units of the column's type as int64."""
    if pa.types.is_decimal(values.type):
        words: np.ndarray = np.frombuffer(values.buffers()[1], dtype=np.int64).reshape(-1, 2)
        assert np.array_equal(words[:, 0] >> 63, words[:, 1])
        return words[:, 0]
    cells: np.ndarray = values.to_numpy().astype(np.int64)
    return cells


LOGNORMAL = stats.lognorm(0.8, scale=np.exp(3.5))


@pytest.mark.parametrize(
    ("kind", "type_text", "first", "last", "exact", "unit"),
    [
        (Normal(40.0, 12.0, 18, 99), "smallint", 18, 99, stats.norm(40, 12), 1),
        (Normal(40.0, 12.0, 18, 30), "integer", 18, 30, stats.norm(40, 12), 1),
        (Normal(0.0, 1.0, 6, 9), "bigint", 6, 9, stats.norm(0, 1), 1),
        (Normal(2.0, 1.0, -3, 3), "numeric(5,0)", -3, 3, stats.norm(2, 1), 1),
        (Normal(5.0, 1.0, Decimal("4.251"), Decimal("6.5")), "numeric(10,2)", 426, 650,
         stats.norm(5, 1), 0.01),
        (Normal(0.0, 1e5, None, None), "smallint", -32768, 32767, stats.norm(0, 1e5), 1),
        (Normal(0.0, 5.0, None, None), "numeric(2,1)", -99, 99, stats.norm(0, 5), 0.1),
        (Lognormal(3.5, 0.8, None, Decimal(100)), "numeric(10,2)", 0, 10_000, LOGNORMAL, 0.01),
        (Lognormal(0.0, 1.0, 0, 20), "integer", 0, 20, stats.lognorm(1.0), 1),
        (Gamma(2.0, 3.0, 1, 20), "integer", 1, 20, stats.gamma(2, scale=3), 1),
        (Gamma(9.0, 0.5, None, Decimal(4)), "numeric(3,1)", 0, 40, stats.gamma(9, scale=0.5), 0.1),
        (Exponential(3.0, None, None), "integer", 0, 200, stats.expon(scale=3), 1),
        (Exponential(3.0, 100, 105), "smallint", 100, 105, stats.expon(99.5, 3), 1),
        (Beta(2.0, 3.0, 1, 5), "integer", 1, 5, stats.beta(2, 3, 0.5, 5), 1),
        (Beta(0.5, 0.5, Decimal(0), Decimal(1)), "numeric(3,2)", 0, 100,
         stats.beta(0.5, 0.5, -0.005, 1.01), 0.01),
        (Beta(1.0, 1.0, 1, 6), "smallint", 1, 6, stats.uniform(0.5, 6), 1),
    ],
)  # fmt: skip
def test_a_unit_has_the_chance_of_what_rounds_to_it(
    kind: Kind, type_text: str, first: int, last: int, exact: stats.rv_continuous, unit: float
) -> None:
    """Chi-square, the bounds being cells of their own; fails for one seed in 10,000 a case."""
    drawn = units(cells(kind, type_text))
    assert drawn.min() >= first
    assert drawn.max() <= last
    edges = (np.arange(first, last + 2) - 0.5) * unit
    # From the upper tail, where a far interval keeps its digits.
    expected = -np.diff(exact.sf(edges))
    if expected.sum() < 1e-300 or edges[0] < exact.median():
        expected = np.diff(exact.cdf(edges))
    observed = np.bincount(drawn - first, minlength=last - first + 1)
    assert fit(observed, expected / expected.sum() * DRAWS) > 1e-4


@pytest.mark.parametrize(
    ("kind", "exact"),
    [
        (Normal(10.0, 2.0, 9.0, 10.5), stats.truncnorm(-0.5, 0.25, 10, 2)),
        (Normal(0.0, 1.0, 6.0, 7.0), None),
        (Exponential(2.0, 1.0, 2.0), stats.truncexpon(0.5, 1, 2)),
        (Beta(0.5, 2.0, -3.0, 3.0), stats.beta(0.5, 2, -3, 6)),
        (Lognormal(0.0, 1.0, None, None), stats.lognorm(1.0)),
        (Gamma(2.0, 3.0, None, None), stats.gamma(2, scale=3)),
        (Gamma(0.5, 1.0, None, None), stats.gamma(0.5)),
        (Gamma(1e6, 1.0, None, None), stats.gamma(1e6)),
    ],
)
@pytest.mark.parametrize("type_text", ["real", "double precision"])
def test_floats_by_kolmogorov_smirnov(
    kind: Kind, exact: stats.rv_continuous | None, type_text: str
) -> None:
    """Fails for one seed in 10,000 a case; and no value is more than a chance hit on a bound."""
    drawn = cells(kind, type_text).to_numpy().astype(np.float64)
    low, top = stats.norm.sf([6, 7])
    cdf = exact.cdf if exact else lambda x: (low - stats.norm.sf(x)) / (low - top)
    assert stats.kstest(drawn, cdf).pvalue > 1e-4
    if type_text == "double precision":
        assert np.unique(drawn, return_counts=True)[1].max() <= 3


def test_bounds_that_a_real_cannot_hold_are_kept() -> None:
    """0.1 and 0.3 lie between two reals each."""
    drawn = cells(Normal(0.2, 5.0, 0.1, 0.3), "real").to_numpy().astype(np.float64)
    assert 0.1 <= drawn.min() < 0.1001
    assert 0.2999 < drawn.max() <= 0.3


def test_a_real_that_no_value_reaches_is_the_nearest() -> None:
    drawn = cells(Normal(0.0, 1.0, 0.1, 0.1), "real", 100)
    assert set(drawn.to_pylist()) == {float(np.float32(0.1))}


@pytest.mark.parametrize("type_text", ["real", "double precision", "numeric(38,10)"])
def test_the_type_truncates_what_it_cannot_hold(type_text: str) -> None:
    drawn = cells(Lognormal(0.0, 400.0, None, None), type_text, 100_000)
    assert drawn.null_count == 0
    largest = {"real": 3.5e38, "double precision": 1.797e308, "numeric(38,10)": 1e28}[type_text]
    assert 0 <= pc.min(drawn).as_py() < 1
    assert largest / 1e20 < float(pc.max(drawn).as_py()) < largest


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        (Normal(3.0, 40.0, -100, 200), ("smallint", "bigint", "numeric(18,0)", "numeric(38,0)")),
        (Poisson(7.0, 2, 30), ("smallint", "numeric(38,0)", "real", "numeric(4,1)")),
        (Zipf(1.2, 30_000), ("smallint", "bigint", "double precision", "numeric(38,0)")),
    ],
)
def test_all_types_hold_the_same_draws(kind: Kind, types: tuple[str, ...]) -> None:
    lists = [[int(v) for v in cells(kind, t, 20_000).to_pylist()] for t in types]
    assert all(values == lists[0] for values in lists[1:])
    assert len(set(lists[0])) > 10


@pytest.mark.parametrize("type_text", ["bigint", "numeric(30,0)", "numeric(38,5)"])
@pytest.mark.parametrize("mean", [1e18, -1e18, 2.0**63 - 2**40])
def test_units_far_from_zero_are_not_lumped(type_text: str, mean: float) -> None:
    """Doubles are 128 units apart there; the draws are of single units all the same."""
    drawn = [int(v) - int(mean) for v in cells(Normal(mean, 10.0, None, None), type_text, 50_000)
             .cast(pa.decimal128(38, 0), safe=False).to_pylist()]  # fmt: skip
    values = np.array(drawn, dtype=np.float64)
    # The cast of numeric(38,5) cuts decimals off: half a unit.
    assert abs(values.mean()) < 0.7
    assert abs(values.std() - 10) < 0.5
    assert len(set(drawn)) > 50


def test_units_beyond_64_bits_on_both_sides_of_zero() -> None:
    drawn = cells(Normal(0.0, 1e20, None, None), "numeric(38,0)", 100_000).to_pylist()
    steps = np.array([float(v) for v in drawn]) / 1e20
    assert stats.kstest(steps, stats.norm.cdf).pvalue > 1e-4
    assert any(-(2**63) <= v < 0 for v in drawn)


def test_a_bigint_uses_its_whole_range() -> None:
    drawn = cells(Normal(-9e18, 1e19, None, None), "bigint", 100_000).to_numpy().astype(np.float64)
    exact = stats.truncnorm(-0.0223372, 1.8223372, -9e18, 1e19)
    assert stats.kstest(drawn, exact.cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    ("kind", "type_text", "message"),
    [
        (Normal(0.0, 1.0, Decimal("0.2"), Decimal("0.4")), "numeric(5,0)", "no value between"),
        (Lognormal(0.0, 1.0, None, -1), "integer", "above 0"),
        (Exponential(1.0, None, -2), "integer", "no value lies between"),
        (Poisson(1.0, None, -1), "integer", "no Poisson count"),
        (Poisson(1.0, 40_000, None), "smallint", "no Poisson count"),
        (Zipf(1.0, 40_000), "smallint", "holds no rank 40000"),
    ],
)
def test_what_no_value_could_meet_is_refused(kind: Kind, type_text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cells(kind, type_text, 10)


def test_wide_whole_numbers() -> None:
    drawn = cells(Poisson(3.0, None, None), "numeric(38,30)", 1000).to_pylist()
    assert drawn == cells(Poisson(3.0, None, None), "integer", 1000).to_pylist()


def fit(observed: np.ndarray, expected: Floats) -> float:
    """The chance of a worse chi-square; cells expected under 10 times are put together."""
    common = expected >= 10
    o = np.append(observed[common], observed[~common].sum())
    e = np.append(expected[common], expected[~common].sum())
    if e[-1] < 10:
        o[0], e[0], o, e = o[0] + o[-1], e[0] + e[-1], o[:-1], e[:-1]
    return float(stats.chisquare(o, e * o.sum() / e.sum()).pvalue)
