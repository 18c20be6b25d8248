"""Values of numbers, choices and moments: types, bounds, uniqueness, extremes."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.arrow_types import arrow_type
from rowmill.generate.rows import Generator
from rowmill.spec import kinds
from rowmill.spec.values.types import Literal, parse_type
from tests.unit.generate.core_datasets import DAY, HOUR, column, dataset, one_column, table

Uniform = kinds.Uniform


def array(kind: kinds.Kind, type_text: str, rows: int, **more: Any) -> pa.Array:
    values = Generator(one_column(kind, type_text, rows, **more)).batch("t", 0, rows).column("c")
    return values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values


def cells(kind: kinds.Kind, type_text: str, rows: int, **more: Any) -> list[Any]:
    found: list[Any] = array(kind, type_text, rows, **more).to_pylist()
    return found


@given(start=st.integers(-(2**40), 2**40), step=st.integers(-1000, 1000), rows=st.integers(1, 200))
@settings(max_examples=40, deadline=None)
def test_sequences(start: int, step: int, rows: int) -> None:
    expected = [start + step * row for row in range(rows)]
    assert cells(kinds.Sequence(start, step), "bigint", rows) == expected
    assert cells(kinds.Sequence(start, step), "numeric(20,3)", rows) == expected
    assert cells(kinds.Sequence(start, step), "double precision", rows) == expected
    assert cells(kinds.Sequence(start * 10**20, step), "numeric(38,0)", rows) == [
        start * 10**20 + step * row for row in range(rows)
    ]


def test_sequences_at_the_ends_of_bigint() -> None:
    assert cells(kinds.Sequence(2**63 - 1, -1), "bigint", 2) == [2**63 - 1, 2**63 - 2]
    assert cells(kinds.Sequence(-(2**63), 2**63), "bigint", 2) == [-(2**63), 0]


@pytest.mark.parametrize("unique", [False, True])
@given(low=st.integers(-(2**63), 2**63 - 1), width=st.integers(100, 2**64))
@settings(max_examples=40, deadline=None)
def test_integers_stay_within_bounds(unique: bool, low: int, width: int) -> None:
    high = min(low + width, 2**63 - 1)
    rows = min(100, high - low + 1)
    values = cells(Uniform(low, high, 0), "bigint", rows, unique=unique)
    assert low <= min(values)
    assert max(values) <= high
    assert not unique or len(set(values)) == rows


@pytest.mark.parametrize("type_text", ["smallint", "integer", "bigint"])
def test_the_whole_range_of_a_type(type_text: str) -> None:
    bits = arrow_type(parse_type(type_text)).bit_width
    kind = Uniform(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0)
    values = np.asarray(array(kind, type_text, 100_000)).astype(float)
    # Six standard errors of the mean of a uniform variable.
    assert abs(values.mean() / 2**bits) < 6 * (1 / 12 / 100_000) ** 0.5
    assert values.min() < -(2 ** (bits - 1)) * 0.999
    assert values.max() > 2 ** (bits - 1) * 0.999


def test_a_unique_column_takes_every_value_of_its_domain_once() -> None:
    assert sorted(cells(Uniform(-5, 4, 0), "smallint", 10, unique=True)) == list(range(-5, 5))
    tenths = cells(Uniform(Decimal("0.1"), Decimal("2.0"), 1), "numeric(4,2)", 20, unique=True)
    assert sorted(tenths) == [Decimal(i) / 10 for i in range(1, 21)]
    halves = cells(Uniform(0.1, 0.5, 1), "double precision", 5, unique=True)
    assert sorted(halves) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert sorted(cells(kinds.Boolean(0.9), "boolean", 2, unique=True)) == [False, True]
    days = cells(kinds.Between(0, 9, 3), "date", 4, unique=True)
    assert sorted(days) == [date(1970, 1, day) for day in (1, 4, 7, 10)]
    letters = cells(kinds.Choice(("a", "b", "c"), None), "text", 3, unique=True)
    assert sorted(letters) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("kind", "type_text"),
    [
        (Uniform(0, 1_000_000, 0), "integer"),
        (Uniform(-(2**63), 2**63 - 1, 0), "bigint"),
        (Uniform(Decimal(-(10**37)), Decimal(10**37), 0), "numeric(38,0)"),
        (Uniform(Decimal("-99999.99"), Decimal("99999.99"), 2), "numeric(7,2)"),
        (kinds.Between(0, 10**15, 10**6), "timestamptz"),
        (kinds.Between(0, DAY - 1, 1), "time"),
    ],
)
def test_large_unique_domains(kind: kinds.Kind, type_text: str) -> None:
    values = array(kind, type_text, 200_000, unique=True)
    assert len(values.unique()) == 200_000


@pytest.mark.parametrize(
    ("kind", "type_text"),
    [
        (Uniform(1, 9, 0), "integer"),
        (kinds.Choice(tuple("abcdefghi"), None), "text"),
        (kinds.Between(1, 9, 1), "date"),
    ],
)
def test_too_small_domains_are_refused(kind: kinds.Kind, type_text: str) -> None:
    with pytest.raises(ValueError, match=r"t\.c must be unique over 10 rows but has only 9"):
        cells(kind, type_text, 10, unique=True)


@given(
    decimals=st.integers(0, 5),
    low=st.decimals(-1000, 1000, places=5),
    width=st.decimals(1, 50, places=5),
)
@settings(max_examples=40, deadline=None)
def test_decimals_are_multiples_within_bounds(decimals: int, low: Decimal, width: Decimal) -> None:
    kind = Uniform(low, low + width, decimals)
    for value in cells(kind, "numeric(12,5)", 50):
        assert low <= value <= low + width
        assert value == round(value, decimals)


def test_decimals_finer_than_the_type_are_those_of_the_type() -> None:
    values = cells(Uniform(Decimal("0.005"), Decimal("0.031"), 4), "numeric(4,2)", 100)
    assert set(values) == {Decimal("0.01"), Decimal("0.02"), Decimal("0.03")}


def test_wide_numerics_are_uniform_to_their_ends() -> None:
    far = Decimal(10**38 - 1)
    values = np.array([float(v) for v in cells(Uniform(-far, far, 0), "numeric(38,0)", 20_000)])
    observed = np.histogram(values, 20, (-1e38, 1e38))[0]
    # Chi-square with 19 degrees of freedom; beyond 72 once in 10 million seeds.
    assert ((observed - 1000) ** 2 / 1000).sum() < 72
    tiny = cells(Uniform(Decimal("1e-38"), Decimal("3e-38"), 38), "numeric(38,38)", 100)
    assert set(tiny) == {Decimal("1e-38"), Decimal("2e-38"), Decimal("3e-38")}


@given(
    ends=st.tuples(
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(allow_nan=False, allow_infinity=False),
    )
)
@settings(max_examples=60, deadline=None)
def test_floats_stay_within_bounds(ends: tuple[float, float]) -> None:
    low, high = sorted(ends)
    values = cells(Uniform(low, high, None), "double precision", 50)
    assert low <= min(values)
    assert max(values) <= high


@given(
    low=st.floats(-1e30, 1e30),
    width=st.floats(1e-3, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_reals_stay_within_bounds_after_rounding(low: float, width: float) -> None:
    high = low + abs(low) * width + width
    values = array(Uniform(low, high, None), "real", 50).cast(pa.float64()).to_pylist()
    assert low <= min(values)
    assert max(values) <= high


def test_reals_of_a_narrow_range_are_the_few_that_lie_in_it() -> None:
    values = array(Uniform(0.1, 0.10000002, None), "real", 1000).cast(pa.float64()).to_pylist()
    assert {round(value, 9) for value in values} == {0.100000001, 0.100000009, 0.100000016}
    with pytest.raises(ValueError, match=r"no value of type real lies between 0\.1 and 0\.1000000"):
        array(Uniform(0.1, 0.1000000001, None), "real", 1)


def test_decimals_of_floats_are_the_nearest_floats() -> None:
    assert set(cells(Uniform(0.1, 0.7, 1), "double precision", 500)) == {
        0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7,
    }  # fmt: skip
    reals = array(Uniform(0.1, 0.3, 1), "real", 500)
    assert set(reals.to_pylist()) == {float(np.float32(x)) for x in (0.1, 0.2, 0.3)}


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_booleans_have_their_probability(probability: float) -> None:
    values = cells(kinds.Boolean(probability), "boolean", 100_000)
    spread = (probability * (1 - probability) / 100_000) ** 0.5
    assert abs(sum(values) / 100_000 - probability) <= 6 * spread


def test_weights_are_kept_and_equal_values_add_up() -> None:
    values = cells(kinds.Choice(("a", "b", "c", "a"), (1, 0, 6, 3)), "text", 100_000)
    assert set(values) == {"a", "c"}
    assert abs(values.count("a") / 100_000 - 0.4) < 6 * (0.24 / 100_000) ** 0.5


@given(weights=st.lists(st.integers(0, 10**30), min_size=1, max_size=40).filter(any))
@settings(max_examples=40, deadline=None)
def test_any_integer_weights(weights: list[int]) -> None:
    kind = kinds.Choice(tuple(range(len(weights))), tuple(weights))
    drawn = np.bincount(cells(kind, "integer", 20_000), minlength=len(weights))
    shares = np.array([weight / sum(weights) for weight in weights])
    limits = 7 * (20_000 * shares) ** 0.5 + 7 * (shares > 0)
    assert (np.abs(drawn - 20_000 * shares) <= limits).all()


@pytest.mark.parametrize(
    ("type_text", "literal", "expected"),
    [
        ("boolean", True, True),
        ("smallint", -7, -7),
        ("numeric(5,2)", Decimal("1.5"), Decimal("1.50")),
        ("real", 0.5, 0.5),
        ("varchar(3)", "é\"'", "é\"'"),
        ("jsonb", '{"a": 1}', '{"a": 1}'),
        ("inet", "10.0.0.1", "10.0.0.1"),
        ("bytea", b"\x00\xff", b"\x00\xff"),
        ("uuid", "00000000-0000-4000-8000-000000000000", b"\0" * 6 + b"@\0\x80" + b"\0" * 7),
        ("date", 1, date(1970, 1, 2)),
        ("time", 1, time(0, 0, 0, 1)),
        ("timestamp", -1, datetime(1969, 12, 31, 23, 59, 59, 999999)),
        ("interval", (1, -2, 3), pa.MonthDayNano([1, -2, 3000])),
        ("text[]", ("a", ""), ["a", ""]),
        ("numeric(5,2)[]", (), []),
    ],
)  # fmt: skip
def test_literals_of_every_type(type_text: str, literal: Literal, expected: object) -> None:
    assert cells(kinds.Constant(literal), type_text, 3) == [expected] * 3
    assert cells(kinds.Choice((literal,), None), type_text, 3) == [expected] * 3
    with_nulls = array(kinds.Constant(literal), type_text, 1000, nulls=0.5)
    with_nulls.validate(full=True)
    assert 300 < with_nulls.null_count < 700
    assert [v for v in with_nulls.to_pylist() if v is not None] == [expected] * (
        1000 - with_nulls.null_count
    )


@pytest.mark.parametrize("type_text", ["date", "time", "timestamp", "timestamptz", "interval"])
def test_moments_keep_bounds_and_resolution(type_text: str) -> None:
    values = array(kinds.Between(5, 1000, 7), type_text, 5000)
    if type_text == "interval":
        units = {value.nanoseconds // 1000 for value in values.to_pylist()}
    else:
        units = set(values.cast(pa.int32() if type_text == "date" else pa.int64()).to_pylist())
    assert units == set(range(5, 1001, 7))


def test_intervals_are_days_and_a_rest_of_one_sign() -> None:
    for microseconds in (25 * HOUR + 1, -(25 * HOUR + 1)):
        sign = 1 if microseconds > 0 else -1
        kind = kinds.Between(microseconds, microseconds, 1)
        expected = pa.MonthDayNano([0, sign, sign * (HOUR + 1) * 1000])
        assert cells(kind, "interval", 1) == [expected]


def after(
    source: kinds.Kind, type_text: str, kind: kinds.After, *, nulls: float = 0.0
) -> list[Any]:
    """Pairs of a source and the moment after it, as integers in the type's units."""
    made = dataset(
        table(
            "t",
            50_000,
            column("at", type_text, source, nulls=nulls),
            column("then", type_text, kind, nulls=0.0),
        )
    )
    batch = Generator(made).batch("t", 0, 50_000)
    width = pa.int32() if type_text == "date" else pa.int64()
    return list(zip(*(batch.column(i).view(width).to_pylist() for i in range(2)), strict=True))


def test_delays_are_exponential_between_their_bounds() -> None:
    pairs = after(
        kinds.Between(0, 10**15, 1), "timestamp", kinds.After("at", None, DAY, HOUR, 3 * DAY, None)
    )
    delays = np.array([then - at for at, then in pairs]) / DAY
    assert delays.min() >= 1 / 24
    assert delays.max() <= 3
    cut = 3 - 1 / 24
    expected = 1 / 24 + 1 - cut * np.exp(-cut) / (1 - np.exp(-cut))
    assert abs(delays.mean() - expected) < 6 * delays.std() / 50_000**0.5
    assert (delays > 2.99).sum() < 200


def test_delays_end_in_time_without_piling_up_at_the_end() -> None:
    end = 10**12
    pairs = after(
        kinds.Between(0, 10**12, 1), "timestamptz", kinds.After("at", None, 10**12, 0, None, end)
    )
    at, then = np.array(pairs, dtype=np.float64).T
    assert (then >= at).all()
    assert then.max() <= end
    # What its law says of a moment is uniform, whatever room it had.
    quantiles = np.expm1(-(then - at) / 10**12) / np.expm1(-(end - at) / 10**12)
    observed = np.histogram(quantiles, 50, (0, 1))[0]
    # Chi-square with 49 degrees of freedom; beyond 120 once in 10 million seeds.
    assert ((observed - 1000) ** 2 / 1000).sum() < 120


def test_a_source_beyond_the_end_gives_the_end_and_a_null_source_null() -> None:
    pairs = after(
        kinds.Between(0, 100, 1), "timestamp", kinds.After("at", None, 10, 5, None, 50), nulls=0.3
    )
    for at, then in pairs:
        assert (then is None) == (at is None)
        assert at is None or (then == 50 if at > 45 else at + 5 <= then <= 50)
    assert 0.25 < sum(at is None for at, _ in pairs) / len(pairs) < 0.35


def test_dates_after_dates_reach_the_end_day() -> None:
    pairs = after(
        kinds.Between(0, 30, 1), "date", kinds.After("at", None, 5 * DAY, 0, None, 30 * DAY)
    )
    delays = np.array([then - at for at, then in pairs])
    assert delays.min() == 0
    assert max(then for _, then in pairs) == 30
    free = np.array([then - at for at, then in pairs if at < 3])
    assert abs((free == 0).mean() - (1 - np.exp(-1 / 5))) < 0.03


def test_times_after_times_stay_within_the_day() -> None:
    kind = kinds.After("at", None, 9 * HOUR, 0, None, None)
    pairs = after(kinds.Between(0, DAY - 1, 1), "time", kind)
    assert all(at <= then < DAY for at, then in pairs)
    assert max(then for _, then in pairs) > DAY - HOUR // 60


def test_sources_at_the_far_end_of_time_do_not_wrap_around() -> None:
    late = 2**63 - 1000
    pairs = after(
        kinds.Between(late, late, 1), "timestamp", kinds.After("at", None, DAY, 0, None, None)
    )
    assert min(then for _, then in pairs) > 2**61
