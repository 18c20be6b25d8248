"""Cells of the kind `choice`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.counting import counted
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.literals import array_of_literals, pick
from rowmill.generate.context import Context
from rowmill.generate.draws.alias import AliasTable
from rowmill.generate.draws.bits import bits, integers
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Choice
from rowmill.spec.values.types import ColumnType, Literal


def _build(context: Context) -> Cells:
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
        return lambda frame: pick(distinct, places[draw(frame.rows)])
    if kind.weights is None:
        return lambda frame: pick(distinct, places[integers(key, frame.rows, count)])
    weighted = AliasTable(np.array(kind.weights, dtype=np.float64))
    return lambda frame: pick(distinct, places[weighted.draw(bits(key, frame.rows))])


def _distinct(
    values: tuple[Literal, ...], column_type: ColumnType
) -> tuple[pa.Array, NDArray[np.int32]]:
    """The distinct values, and for each value its place among them."""
    distinct = dict.fromkeys(values)
    place = {value: i for i, value in enumerate(distinct)}
    places = np.array([place[value] for value in values], dtype=np.int32)
    return array_of_literals(tuple(distinct), column_type), places


CHOICE_CELLS = CellBuilder(Choice, {1: _build})
