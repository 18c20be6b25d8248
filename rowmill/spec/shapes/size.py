"""Sizes: the room that a value of varying length is likely to take, and what compression leaves.

Unlike the width, which cuts batches and so never changes, it may become better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rowmill.spec.values.types import ColumnType, Literal, TypeName

# Texts of unknown length may be a quarter as long as estimated.
_SHORTER = 0.25
# An array's head, and of its elements the length and what aligns the next.
_EMPTY_ARRAY, _ARRAY_HEAD, _ELEMENT = 12, 20, 4
# What stands around a text may be a match's beginning.
_BORDER = 4


@dataclass(frozen=True)
class Size:
    """Bytes of a value that is not null, without its length: the least, and likely.

    `kept` of them stay in Postgres, and `drawn` in any file, however they are compressed.
    """

    least: float
    likely: float
    kept: int = 0
    drawn: int = 0


def unknown_size(likely: float) -> Size:
    """The size of texts of which a length is estimated and nothing else known."""
    return Size(_SHORTER * likely, likely)


def size_of_array(one: Size, low: int, high: int, drawn: int) -> Size:
    """The size of `low` to `high` such elements."""
    few = _ARRAY_HEAD + low * one.least if low else _EMPTY_ARRAY
    likely = _ARRAY_HEAD + (low + high) / 2 * (_ELEMENT + one.likely)
    return Size(few, likely, drawn, drawn)


def size_of_joined(parts: Iterable[Size]) -> Size:
    """The size of texts one behind the other."""
    sizes = list(parts)
    return Size(
        sum(size.least for size in sizes),
        sum(size.likely for size in sizes),
        max((size.kept - _BORDER for size in sizes if size.kept > _BORDER), default=0),
        max((size.drawn for size in sizes), default=0),
    )


def size_of_literals(
    values: Sequence[Literal], weights: Sequence[int], column_type: ColumnType
) -> Size:
    """The size of a cell that is one of these, in proportion to the weights."""
    sizes = [_literal(value) for value in values]
    mean = sum(size * weight for size, weight in zip(sizes, weights, strict=True)) / sum(weights)
    # A jsonb may have fewer bytes than its text.
    return Size(min(sizes) * (_SHORTER if column_type.name is TypeName.JSONB else 1), mean)


def _literal(value: Literal) -> int:
    if isinstance(value, tuple):
        return _ARRAY_HEAD + sum(map(_literal, value)) if value else _EMPTY_ARRAY
    if isinstance(value, bytes):
        return len(value)
    return len(value.encode()) if isinstance(value, str) else 1
