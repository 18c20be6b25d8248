"""Which columns are delta encoded in portable files: those that fastparquet unpacks right."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rowmill.destinations.lake.parquet_deltas import are_narrow
from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Column, Dataset, Link, PickUniform, Table
from rowmill.spec.kind.base import Kind
from rowmill.spec.kinds import (
    Between,
    Lognormal,
    Ordinal,
    Parent,
    Poisson,
    Reference,
    Sequence,
    Uniform,
    Zipf,
)
from rowmill.spec.load import load_spec
from rowmill.worker.pools import make_pools
from tests.unit.destinations.parquet_files import New, column, table_of

_MOST = 2**27 - 1


def _are_narrow(of: Column) -> bool:
    table = table_of(of)
    return are_narrow(Dataset(0, "en_US", 1, (table,)), table, of)


@pytest.mark.parametrize(
    ("sql", "kind", "narrow"),
    [
        ("bigint", Uniform(0, _MOST, None), True),
        ("bigint", Uniform(-1, _MOST, None), False),
        ("bigint", Uniform(-(2**63), 2**63 - 1, None), False),
        ("integer", Uniform(-(2**31), 2**31 - 1, None), False),
        ("integer", Poisson(3, 0, None), False),
        ("integer", Poisson(3, 0, 100), True),
        ("integer", Zipf(1.1, 1000), True),
        ("bigint", Zipf(1.1, 10**9), False),
        ("bigint", Ordinal(), True),
        ("numeric(18,2)", Ordinal(), True),
        ("numeric(18,7)", Ordinal(), False),
        ("numeric(18,2)", Zipf(1.1, 1_000_000), True),
        ("numeric(18,6)", Zipf(1.1, 1_000_000), False),
        ("numeric(18,2)", Sequence(1, 1), True),
        ("numeric(18,4)", Sequence(1, 1), False),
        ("numeric(10,2)", Lognormal(4, 1, Decimal(0), Decimal("20000")), True),
        ("numeric(18,8)", Lognormal(4, 1, Decimal(0), Decimal("20000")), False),
        ("smallint", Poisson(3, None, None), True),
        ("date", Between(-719_162, 2_932_896, 1), True),
        ("timestamptz", Between(0, 10**15, 1_000_000), False),
        ("timestamp", Between(0, 10**15, 1_000_000), False),
        ("bigint", New(), False),
        ("bigint", New(distance=Decimal(_MOST)), True),
        ("bigint", New(distance=Decimal(_MOST + 1)), False),
    ],
)
def test_cells_that_are_close_by_their_kind_or_type_are_narrow(
    sql: str, kind: Kind, narrow: bool
) -> None:
    assert _are_narrow(column("c", sql, kind)) is narrow


@pytest.mark.parametrize(
    ("step", "nullable", "narrow"),
    [(2**40, False, True), (2**40, True, False), (1, True, True), (-200, True, False)],
)
def test_a_sequence_has_one_difference_unless_a_null_makes_others(
    step: int, nullable: bool, narrow: bool
) -> None:
    assert _are_narrow(column("c", "bigint", Sequence(1, step), nullable)) is narrow


@pytest.mark.parametrize("nullable", [True, False])
def test_a_new_kind_has_one_difference_if_it_says_so(nullable: bool) -> None:
    steps = New(distance=Decimal(2**40), steps=True)
    assert _are_narrow(column("c", "bigint", steps, nullable)) is not nullable


@pytest.mark.parametrize(("step", "narrow"), [(1, True), (134, True), (135, False)])
@pytest.mark.parametrize("kind", [Reference, Parent])
def test_what_comes_from_a_parent_is_as_far_apart_as_the_parents_cells(
    kind: type[Reference] | type[Parent], step: int, narrow: bool
) -> None:
    key = column("id", "bigint", Sequence(1, step), nullable=False)
    parents = Table("parents", 1_000_000, (key,), (), None, ("id",), (), ())
    link = Link("parent", ("parent",), "parents", ("id",), PickUniform(), 0.0)
    of = column("parent", "bigint", kind("parent", "id"))
    children = Table("children", 10, (of,), (link,), None, (), (), ())

    assert are_narrow(Dataset(0, "en_US", 1, (parents, children)), children, of) is narrow


_INTEGRAL = ("smallint", "integer", "bigint", "numeric(6,2)", "numeric(18,2)", "numeric(18,8)")
_DISTRIBUTIONS = (
    "sequence: {step: 3}",
    "sequence: {}",
    "ordinal: {}",
    "integer: {min: -2000, max: 3000}",
    "number: {min: -2000, max: 3000}",
    "zipf: {exponent: 1.01, ranks: 5000}",
    "poisson: {mean: 900, max: 5000}",
    "exponential: {mean: 900, max: 5000}",
    "normal: {mean: 0, stddev: 900, min: -4000, max: 4000}",
    "lognormal: {mu: 5, sigma: 1, max: 5000}",
    "beta: {alpha: 1, beta: 2, max: 5000}",
)


@pytest.mark.parametrize("sql", _INTEGRAL)
@pytest.mark.parametrize("generate", _DISTRIBUTIONS)
def test_no_two_stored_cells_of_a_narrow_column_are_farther_apart(sql: str, generate: str) -> None:
    """Of every kind and type that a manifest may join, by the rows themselves."""
    text = (
        "{apiVersion: rowmill.dev/v1alpha1, kind: Experiment, metadata: {name: one}, spec: {tables:"
        " [{name: p, rows: 1, primaryKey: [id], columns: [{name: id, type: bigint}]}, {name: t, "
        "rowsPer: {table: p, mean: 3000, max: 3000}, columns: [{name: of, type: bigint, references:"
        f' {{table: p, column: id}}}}, {{name: c, type: "{sql}", nulls: 0.1, '
        f"generate: {{{generate}}}}}]}}], destinations: {{parquet: {{bucket: lake}}}}}}}}"
    )
    dataset = load_spec("one", text=text).dataset
    table = dataset.table("t")
    if are_narrow(dataset, table, table.column("c")):
        cells = Generator(dataset, make_pools(dataset)).batch("t", 0, table.rows, ["c"])
        scale = table.column("c").type.scale or 0
        values = [Decimal(v).scaleb(scale) for v in cells.column(0).drop_null().to_pylist()]
        assert max(values) - min(values) < 2**27
