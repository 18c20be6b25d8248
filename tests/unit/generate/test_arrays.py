from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from rowmill.generate.arrow_types import arrow_type
from rowmill.generate.rows import Generator
from rowmill.spec.kind.base import Kind
from rowmill.spec.kinds import (
    Array,
    Between,
    Boolean,
    Choice,
    Constant,
    Faker,
    Field,
    Normal,
    Pattern,
    Poisson,
    Sequence,
    Template,
    Uniform,
    Uuid,
    Zipf,
)
from rowmill.spec.values.types import parse_type
from tests.unit.generate.text_datasets import cells, column, dataset

ELEMENTS: list[tuple[str, Kind]] = [
    ("integer[]", Uniform(1, 6, 0)),
    ("numeric(6,2)[]", Uniform(Decimal("0.00"), Decimal("9.99"), 2)),
    ("boolean[]", Boolean(0.5)),
    ("text[]", Choice(("a", "b", "c"), (1, 2, 3))),
    ("text[]", Constant("x")),
    ("date[]", Between(0, 1000, 1)),
    ("timestamptz[]", Between(0, 10**15, 1_000_000)),
    ("double precision[]", Normal(0.0, 1.0, None, None)),
    ("smallint[]", Poisson(3.0, None, None)),
    ("bigint[]", Zipf(1.2, 100)),
    ("uuid[]", Uuid(4)),
    ("text[]", Uuid(7)),
    ("varchar(9)[]", Faker("city", (), "en_US", 100, "")),
    ("text[]", Faker("name", (), "en_US", 100, "")),
    ("inet[]", Faker("ipv4", (), "en_US", 100, "")),
    ("text[]", Pattern("[a-z]{1,4}")),
    ("jsonb[]", Constant('{"a": 1}')),
]


@pytest.mark.parametrize(("type_name", "of"), ELEMENTS)
def test_any_kind_can_be_an_element(type_name: str, of: Kind) -> None:
    values = cells(Array(of, 0, 4), type_name, rows=500)
    assert values.type == arrow_type(parse_type(type_name))
    values.validate(full=True)
    lengths = [len(items) for items in values.to_pylist()]
    assert set(lengths) == {0, 1, 2, 3, 4}
    assert all(item is not None for items in values.to_pylist() for item in items)


@pytest.mark.parametrize(("type_name", "of"), ELEMENTS)
def test_the_order_and_the_batch_change_no_element(type_name: str, of: Kind) -> None:
    generator = Generator(dataset([column("c", type_name, Array(of, 1, 3))], rows=2000))
    whole = generator.batch("t", 0, 2000).column(0).to_pylist()
    assert generator.batch("t", 900, 950).column(0).to_pylist() == whole[900:950]
    frame = generator.frame("t", np.array([1999, 3, 3]))
    assert frame.cells("c").to_pylist() == [whole[1999], whole[3], whole[3]]


def test_counts_are_even() -> None:
    lengths = [
        len(x) for x in cells(Array(Uniform(1, 6, 0), 2, 5), "integer[]", rows=20_000).to_pylist()
    ]
    counts = [lengths.count(n) for n in (2, 3, 4, 5)]
    # Four standard deviations of 20,000 draws of a quarter: 245.
    assert all(abs(count - 5000) < 245 for count in counts), counts


def test_elements_of_one_row_and_of_neighbours_differ() -> None:
    items = cells(Array(Uniform(0, 2**40, 0), 3, 3), "bigint[]", rows=1000).to_pylist()
    assert len({item for row in items for item in row}) > 2990


def test_a_template_element_is_null_where_its_field_is() -> None:
    columns = [
        column("id", "bigint", Sequence(1, 1), nulls=0.2),
        column("tags", "text[]", Array(Template((Field("id", None, None), "!")), 1, 2)),
    ]
    for row in Generator(dataset(columns)).batch("t", 0, 1000).to_pylist():
        shown = None if row["id"] is None else f"{row['id']}!"
        assert set(row["tags"]) == {shown}


def test_empty_arrays_null_arrays_and_no_rows() -> None:
    assert cells(Array(Uniform(1, 6, 0), 0, 0), "integer[]", rows=3).to_pylist() == [[], [], []]
    assert 100 < cells(Array(Uuid(4), 1, 2), "uuid[]", rows=400, nulls=0.5).null_count < 300
    assert cells(Array(Faker("city", (), "en_US", 9, ""), 0, 2), "text[]", rows=0).to_pylist() == []


def test_more_elements_than_can_be_counted_are_refused() -> None:
    one = dataset([column("c", "integer[]", Array(Uniform(1, 6, 0), 0, 10**7))], rows=10**12)
    with pytest.raises(ValueError, match="lower `max`"):
        Generator(one).frame("t", np.array([0])).cells("c")


def test_persons_in_arrays_are_not_the_rows_person() -> None:
    columns = [
        column("name", "text", Faker("name", (), "en_US", 10_000, "")),
        column("friends", "text[]", Array(Faker("name", (), "en_US", 10_000, ""), 1, 3)),
    ]
    batch = Generator(dataset(columns)).batch("t", 0, 1000)
    assert isinstance(batch.column(1), pa.ListArray)
    assert sum(row["name"] in row["friends"] for row in batch.to_pylist()) < 5
