"""Which rows differ, told from any damage to a table held in memory."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.engine.verification import Kind
from rowmill.verify import examine
from tests.unit.verify.memory_store import OneTable

_KEYED = OneTable(
    "{name: id, type: bigint, generate: {sequence: {}}}, "
    "{name: a, type: integer, nulls: 0.2, generate: {integer: {min: 0, max: 9}}}, "
    '{name: b, type: text, generate: {pattern: "[a-z]{8}"}}',
    rows=2000,
    key="[id]",
)
_ROWS = _KEYED.rows()


@settings(deadline=None, max_examples=25)
@given(
    lost=st.sets(st.integers(0, 1999), max_size=5),
    doubled=st.sets(st.integers(0, 1999), max_size=5),
    seed=st.integers(0, 1000),
)
def test_lost_and_doubled_rows_are_told_exactly(
    lost: set[int], doubled: set[int], seed: int
) -> None:
    rows = [n for n in range(2000) if n not in lost] + sorted(doubled - lost)
    Random(seed).shuffle(rows)
    found = _KEYED.compare(_ROWS.take(pa.array(rows)))
    told = {kind: {d.row for d in found.differences if d.kind is kind} for kind in Kind}
    assert told[Kind.LOST] == lost
    assert told[Kind.DOUBLED] == doubled - lost
    assert not told[Kind.CHANGED] | told[Kind.UNEXPECTED]
    assert found.identical == (not lost and not doubled - lost)


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(st.integers(0, 1999), st.sampled_from([None, -1, 17]), max_size=8))
def test_changed_cells_are_told_exactly(changes: dict[int, int | None]) -> None:
    cells = _ROWS.column("a").to_pylist()
    real = {row: value for row, value in changes.items() if cells[row] != value}
    expected = {row: (cells[row], value) for row, value in real.items()}
    for row, value in real.items():
        cells[row] = value
    found = _KEYED.compare(_ROWS.set_column(1, "a", pa.array(cells, pa.int32())))
    told = {d.row: (d.cells[0].expected, d.cells[0].found) for d in found.differences}
    assert told == expected
    assert all(len(d.cells) == 1 for d in found.differences)


def test_a_row_is_told_with_the_batch_and_part_that_hold_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each part of 700 rows begins a new batch: of 300, 300 and 100 rows."""
    (layout,) = _KEYED.run.plan.tables
    nested = replace(layout, batch_rows=300, part_rows=700)
    plan = replace(_KEYED.run.plan, tables=(nested,), shard_stops=(3,))
    monkeypatch.setattr(_KEYED, "run", replace(_KEYED.run, plan=plan))
    lost = [0, 650, 699, 700, 1350, 1999]
    rows = [n for n in range(2000) if n not in lost]
    found = _KEYED.compare(_ROWS.take(pa.array(rows)))
    told = {d.row: (d.batch, d.part) for d in found.differences}
    assert [told[row] for row in lost] == [(0, 0), (2, 0), (2, 0), (3, 1), (5, 1), (7, 2)]


def test_threads_find_the_same() -> None:
    damaged = _ROWS.slice(3)
    assert _KEYED.compare(damaged, workers=1) == _KEYED.compare(damaged, workers=4)


def test_a_table_that_differs_all_over_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "COLLECTED", 300)
    monkeypatch.setattr(examine, "EXAMINED", 50)
    monkeypatch.setattr(examine, "LISTED", 10)
    other = _ROWS.set_column(1, "a", pa.array([77] * 2000, pa.int32()))
    found = _KEYED.compare(other)
    assert found.sampled
    assert not found.identical
    assert len(found.differences) == 10
    assert sum(found.counts.values()) <= 100


def test_equal_rows_beyond_all_bounds_still_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "COLLECTED", 300)
    alike = OneTable("{name: c, type: text, generate: {constant: x}}", rows=1000)
    found = alike.compare(alike.rows().slice(1))
    assert not found.identical
    assert found.sampled
    assert found.counts == {}
    assert found.rows == 999


def test_one_of_many_equal_rows_lost() -> None:
    alike = OneTable("{name: c, type: text, generate: {constant: x}}", rows=1000)
    found = alike.compare(alike.rows().slice(1))
    assert found.counts == {Kind.LOST: 1}
    assert found.differences[0].key == {"c": "x"}


def test_an_empty_table_is_identical_and_a_row_in_it_is_not() -> None:
    empty = OneTable("{name: number, type: integer, generate: {constant: 5}}", rows=0)
    assert empty.compare(empty.rows()).identical
    found = empty.compare(pa.table({"number": pa.array([5], pa.int32())}))
    assert found.counts == {Kind.UNEXPECTED: 1}
    assert found.differences[0].place == "memory row 0"


def test_rows_too_unlike_are_not_taken_for_changed() -> None:
    keyless = OneTable(
        "{name: a, type: integer, generate: {integer: {min: 0, max: 9}}}, "
        '{name: b, type: text, generate: {pattern: "[a-z]{9}"}}',
        rows=100,
    )
    rows = keyless.rows()
    strange = pa.table({"a": pa.array([55], pa.int32()), "b": pa.array(["?"])})
    found = keyless.compare(pa.concat_tables([rows.slice(1), strange.cast(rows.schema)]))
    assert found.counts == {Kind.LOST: 1, Kind.UNEXPECTED: 1}
