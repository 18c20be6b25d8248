"""A cell depends on seed, table, column and row alone, and the public face of the generator."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.draws.keys import derive_key
from rowmill.generate.rows import Generator
from rowmill.spec import kinds
from rowmill.spec.dataset import PickUniform, Table
from tests.unit.generate.core_datasets import (
    column,
    dataset,
    everything,
    key_column,
    one_column,
    picked,
    table,
)

EVERYTHING = everything()
SHARED = Generator(EVERYTHING)
FILLED = [t.name for t in EVERYTHING.tables if t.rows]


def plain(values: pa.Array) -> list[object]:
    cells: list[object] = values.to_pylist()
    return cells


@pytest.mark.parametrize("name", FILLED)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_rows_in_any_order_with_repeats_are_those_of_one_batch(
    name: str, data: st.DataObject
) -> None:
    rows = EVERYTHING.table(name).rows
    start = data.draw(st.integers(0, rows - 1))
    stop = min(rows, start + data.draw(st.integers(1, 60)))
    batch = SHARED.batch(name, start, stop)
    some = data.draw(st.lists(st.integers(start, stop - 1), max_size=80))
    frame = SHARED.frame(name, np.array(some, dtype=np.int64))
    for column_name in batch.schema.names:
        expected = plain(batch.column(column_name))
        assert plain(frame.cells(column_name)) == [expected[row - start] for row in some]


@pytest.mark.parametrize("name", FILLED)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_a_fresh_generator_and_any_split_give_the_same_batch(
    name: str, data: st.DataObject
) -> None:
    rows = EVERYTHING.table(name).rows
    stop = min(rows, 20_000)
    cuts = sorted(data.draw(st.sets(st.integers(0, stop), max_size=4)) | {0, stop})
    whole = SHARED.batch(name, 0, stop)
    fresh = Generator(EVERYTHING)
    pieces = [fresh.batch(name, a, b) for a, b in pairwise(cuts)]
    for column_name in whole.schema.names:
        joined = [cell for piece in pieces for cell in plain(piece.column(column_name))]
        assert joined == plain(whole.column(column_name))


@pytest.mark.parametrize("table_of", EVERYTHING.tables, ids=lambda t: t.name)
def test_batches_are_valid_arrow_of_the_schema(table_of: Table) -> None:
    batch = SHARED.batch(table_of.name, 0, min(table_of.rows, 5000))
    batch.validate(full=True)
    schema = SHARED.arrow_schema(table_of.name)
    assert batch.schema.names == schema.names == [c.name for c in table_of.columns]
    for field, values in zip(schema, batch.columns, strict=True):
        if isinstance(values, pa.DictionaryArray):
            assert values.dictionary.null_count == 0
            assert len(values.dictionary.unique()) == len(values.dictionary)
            values = values.dictionary_decode()
        assert values.type == field.type


def test_columns_may_be_picked_and_come_in_the_tables_order() -> None:
    batch = SHARED.batch("people", 10, 20, ["born", "id"])
    assert batch.schema.names == ["id", "born"]
    assert batch.column("born").equals(SHARED.batch("people", 10, 20).column("born"))


def test_no_rows_make_an_empty_batch() -> None:
    assert SHARED.batch("people", 5, 5).num_rows == 0
    assert SHARED.batch("nothing", 0, 0).num_rows == 0


def test_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(IndexError, match="table 'regions' has 7 rows"):
        SHARED.batch("regions", 0, 8)
    with pytest.raises(IndexError, match="-1"):
        SHARED.batch("regions", -1, 3)
    with pytest.raises(KeyError, match="nobody"):
        SHARED.batch("nobody", 0, 1)
    with pytest.raises(KeyError, match="colour"):
        SHARED.batch("regions", 0, 1, ["colour"])


def test_an_unknown_data_version_is_refused() -> None:
    with pytest.raises(ValueError, match="dataVersion 99 is unknown"):
        Generator(replace(EVERYTHING, data_version=99))


def test_seed_table_and_column_each_change_the_cells() -> None:
    kind = kinds.Uniform(0, 2**62, 0)
    base = one_column(kind, "bigint", 50)
    cells = Generator(base).batch("t", 0, 50).column("c")
    other_seed = Generator(replace(base, seed=43)).batch("t", 0, 50).column("c")
    two = dataset(
        table("t", 50, column("d", "bigint", kind)), table("u", 50, column("c", "bigint", kind))
    )
    other_column = Generator(two).batch("t", 0, 50).column("d")
    other_table = Generator(two).batch("u", 0, 50).column("c")
    seen = [set(values.to_pylist()) for values in (cells, other_seed, other_column, other_table)]
    assert sum(map(len, seen)) == len(set().union(*seen)) == 200


def test_rows_added_to_a_table_leave_the_first_ones_as_they_were() -> None:
    kind = kinds.Uniform(0, 1000, 0)
    short = Generator(one_column(kind, "integer", 100, nulls=0.3)).batch("t", 0, 100)
    longer = Generator(one_column(kind, "integer", 1000, nulls=0.3)).batch("t", 0, 100)
    assert short.equals(longer)


def test_keys_tell_apart_fields_that_join_to_the_same_text() -> None:
    fields = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("abcd", "", ""), ("", "", "")]
    assert len({derive_key(1, *texts, 1) for texts in fields}) == len(fields)


def test_keys_take_any_seed_of_64_bits_and_any_text() -> None:
    keys = {derive_key(seed, 'a"\n', "é" * 63, "", 1) for seed in (-(2**63), -1, 0, 2**63 - 1)}
    assert len(keys) == 4
    assert all(0 <= key < 2**64 for key in keys)


def test_nulls_have_their_share_and_only_where_asked_for() -> None:
    cells = Generator(one_column(kinds.Constant(1), "integer", 100_000, nulls=0.25))
    share = cells.batch("t", 0, 100_000).column("c").null_count / 100_000
    # Five standard deviations: a false alarm in 2 million seeds.
    assert abs(share - 0.25) < 5 * (0.25 * 0.75 / 100_000) ** 0.5
    links = Generator(picked(PickUniform(), 10, 1000, nulls=1.0)).batch("t", 0, 1000)
    assert links.column("parent_id").null_count == 1000


def test_sequences_count_from_their_start() -> None:
    batch = Generator(dataset(table("t", 3, key_column()))).batch("t", 0, 3)
    assert batch.column("id").to_pylist() == [1, 2, 3]
