"""The room that values of varying length take: texts as long as their kinds make them.

Unlike the width in `width.py`, which cuts batches and so never changes, it may become better.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rowmill.plan.width import has_fixed_width, value_bytes
from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.kind import (
    Array,
    Choice,
    Constant,
    Faker,
    Field,
    Literal,
    Parent,
    Pattern,
    Reference,
    Template,
    Uuid,
)
from rowmill.spec.kinds.texts import UUID_LENGTH
from rowmill.spec.patterns.automaton import compile_pattern
from rowmill.spec.sizes.compression import drawn_kept, pattern_bits, pattern_kept
from rowmill.spec.values.types import ColumnType, TypeName

# Where UTF-8 takes a byte more for a character.
_WIDER = (0x80, 0x800, 0x10000)
_UUID_BITS = 122
# Texts of unknown length may be a quarter as long as estimated.
_SHORTER = 0.25
# Bytes of a text for each unit of Faker's arguments that say how long it is.
_LONG_ARGUMENTS = {
    "length": 1.0,
    "max_chars": 1.0,
    "max_nb_chars": 0.8,
    "nb_sentences": 40.0,
    "nb_words": 6.5,
}
# An array's head, and of its elements the length and what aligns the next.
_EMPTY_ARRAY, _ARRAY_HEAD, _ELEMENT = 12, 20, 4
# A change of case may shorten a character; what stands around a text may be a match's beginning.
_WIDEST, _BORDER = 4, 4


@dataclass(frozen=True)
class Size:
    """Bytes of a value that is not null, without its length: the least, and likely.

    `kept` of them stay in Postgres, and `drawn` in any file, however they are compressed.
    """

    least: float
    likely: float
    kept: int = 0
    drawn: int = 0


def value_size(dataset: Dataset, table: Table, column: Column) -> Size:
    """The size of one value of a column."""
    return _size(dataset, table, column, 0)


def _size(dataset: Dataset, table: Table, column: Column, depth: int) -> Size:
    if has_fixed_width(column):
        width = value_bytes(dataset, table, column)
        return Size(width, width, width)
    made = _made(dataset, table, column, depth)
    length = column.type.length
    if column.type.name is not TypeName.CHAR or length is None or column.type.array:
        return made
    return Size(max(made.least, length), max(made.likely, length), made.kept, made.drawn)


def _made(dataset: Dataset, table: Table, column: Column, depth: int) -> Size:
    match column.kind:
        case Parent(via=via, column=name) | Reference(via=via, column=name) if depth < 8:
            parent = dataset.table(table.link(via).parent)
            one = _size(dataset, parent, parent.column(name), depth + 1)
            # Many rows may have one value.
            return Size(one.least, one.likely, one.kept)
        case Array(of=Pattern(pattern=pattern), min=low, max=high):
            bits = low * pattern_bits(pattern)
            return _array(_pattern(pattern), low, high, drawn_kept(bits))
        case Array(min=low, max=high):
            element = Column(column.name, column.type.element, column.kind.of, 0, False, False)
            return _array(_size(dataset, table, element, depth + 1), low, high, 0)
        case Pattern(pattern=pattern):
            return _pattern(pattern)
        case Uuid(version=version):
            kept = drawn_kept(_UUID_BITS) if version == 4 else 0
            return Size(UUID_LENGTH, UUID_LENGTH, kept, kept)
        case Template(parts=parts) if depth < 8:
            return _joined(_part(dataset, table, part, depth) for part in parts)
        case Choice(values=values, weights=weights):
            return _listed(values, weights or (1,) * len(values), column.type)
        case Constant(value=value):
            return _listed((value,), (1,), column.type)
        case Faker(args=args):
            told = [
                value * _LONG_ARGUMENTS[name]
                for name, value in args
                if name in _LONG_ARGUMENTS and isinstance(value, int)
            ]
            return _unknown(max(told, default=0) or value_bytes(dataset, table, column))
        case _:
            return _unknown(value_bytes(dataset, table, column))


def _unknown(likely: float) -> Size:
    return Size(_SHORTER * likely, likely)


def _pattern(pattern: str) -> Size:
    automaton = compile_pattern(pattern)
    codes = sum(high - low + 1 for low, high in automaton.characters.spans)
    wider = sum(
        max(0, high + 1 - max(low, bound))
        for low, high in automaton.characters.spans
        for bound in _WIDER
    )
    mean = (automaton.min_length + automaton.max_length) / 2
    width = 1 + wider / codes if codes else 1
    drawn = drawn_kept(pattern_bits(pattern))
    return Size(automaton.min_length, mean * width, pattern_kept(pattern), drawn)


def _array(one: Size, low: int, high: int, drawn: int) -> Size:
    few = _ARRAY_HEAD + low * one.least if low else _EMPTY_ARRAY
    likely = _ARRAY_HEAD + (low + high) / 2 * (_ELEMENT + one.likely)
    return Size(few, likely, drawn, drawn)


def _part(dataset: Dataset, table: Table, part: str | Field, depth: int) -> Size:
    if isinstance(part, str):
        size = len(part.encode())
        return Size(size, size)
    source = table.column(part.column)
    made = _size(dataset, table, source, depth + 1)
    if has_fixed_width(source):
        made = Size(1, made.likely)
    if part.filter == "pad":
        padded = part.argument or 0
        return Size(max(made.least, padded), max(made.likely, padded), made.kept, made.drawn)
    return made if part.filter is None else Size(made.least // _WIDEST, made.likely)


def _joined(parts: Iterable[Size]) -> Size:
    sizes = list(parts)
    return Size(
        sum(size.least for size in sizes),
        sum(size.likely for size in sizes),
        max((size.kept - _BORDER for size in sizes if size.kept > _BORDER), default=0),
        max((size.drawn for size in sizes), default=0),
    )


def _listed(values: tuple[Literal, ...], weights: tuple[int, ...], kind: ColumnType) -> Size:
    sizes = [_literal(value) for value in values]
    mean = sum(size * weight for size, weight in zip(sizes, weights, strict=True)) / sum(weights)
    # A jsonb may have fewer bytes than its text.
    return Size(min(sizes) * (_SHORTER if kind.name is TypeName.JSONB else 1), mean)


def _literal(value: Literal) -> int:
    if isinstance(value, tuple):
        return _ARRAY_HEAD + sum(map(_literal, value)) if value else _EMPTY_ARRAY
    if isinstance(value, bytes):
        return len(value)
    return len(value.encode()) if isinstance(value, str) else 1
