"""Choices from a list of values, and constants."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.counting import counted
from rowmill.generate.arrow_types import arrow_type, is_text
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.draws.alias import AliasTable
from rowmill.generate.draws.bits import bits, integers
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Cells, Frame
from rowmill.spec.kinds import Choice, Constant
from rowmill.spec.values.types import ColumnType, Literal, TypeName


def _build_choice(context: Context) -> Cells:
    """One of the values; of texts as a dictionary array of the distinct ones."""
    kind, key = context.column.kind, context.key("value")
    assert isinstance(kind, Choice)
    distinct, places = _distinct(kind.values, context.column.type)
    count = len(kind.values)
    if context.column.unique:
        if count < context.rows:
            raise ValueError(
                f"{context.table.name}.{context.column.name} must be unique over "
                f"{counted(context.rows, 'row')} but has only {counted(count, 'value')}: add more"
            )
        draw = Permutation(key, count).forward
        return lambda frame: _pick(distinct, places[draw(frame.rows)])
    if kind.weights is None:
        return lambda frame: _pick(distinct, places[integers(key, frame.rows, count)])
    weighted = AliasTable(np.array(kind.weights, dtype=np.float64))
    return lambda frame: _pick(distinct, places[weighted.draw(bits(key, frame.rows))])


def _build_constant(context: Context) -> Cells:
    """The same value in every row."""
    kind = context.column.kind
    assert isinstance(kind, Constant)
    value = array_of_literals((kind.value,), context.column.type)

    def cells(frame: Frame) -> pa.Array:
        return _pick(value, np.zeros(len(frame), dtype=np.int32))

    return cells


def array_of_literals(values: tuple[Literal, ...], column_type: ColumnType) -> pa.Array:
    """An Arrow array of the column's type from literals of the manifest."""
    kind = arrow_type(column_type)
    if column_type.array:
        parts = [array_of_literals(_elements(value), column_type.element) for value in values]
        offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays(parts))
    if column_type.name is TypeName.UUID:
        raw = [bytes.fromhex(str(value).replace("-", "")) for value in values]
        return pa.array(raw, type=kind)
    if column_type.name is TypeName.INTERVAL:
        return pa.array([_interval(value) for value in values], type=kind)
    return pa.array(values, type=kind)


def _elements(value: Literal) -> tuple[Literal, ...]:
    assert isinstance(value, tuple)
    return value


def _interval(value: Literal) -> pa.MonthDayNano:
    months, days, microseconds = _elements(value)
    assert isinstance(months, int)
    assert isinstance(days, int)
    assert isinstance(microseconds, int)
    return pa.MonthDayNano([months, days, microseconds * 1000])


def _distinct(
    values: tuple[Literal, ...], column_type: ColumnType
) -> tuple[pa.Array, NDArray[np.int32]]:
    """The distinct values, and for each value its place among them."""
    distinct = dict.fromkeys(values)
    place = {value: i for i, value in enumerate(distinct)}
    places = np.array([place[value] for value in values], dtype=np.int32)
    return array_of_literals(tuple(distinct), column_type), places


def _pick(distinct: pa.Array, places: NDArray[np.int32]) -> pa.Array:
    """A dictionary array of texts and byte strings; of other types, no dearer than an index."""
    if is_text(distinct.type):
        return pa.DictionaryArray.from_arrays(pa.array(places), distinct)
    return distinct.take(pa.array(places))


CHOICE_CELLS = CellBuilder(Choice, {1: _build_choice})
CONSTANT_CELLS = CellBuilder(Constant, {1: _build_constant})
