"""The bytes of a column's cells in Postgres: the fewest, the most, and what always stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2

from rowmill.spec.drafts import ColumnDraft, Drafts
from rowmill.spec.faker.sizes import faker_length
from rowmill.spec.kind import (
    Array,
    Between,
    Choice,
    Constant,
    Faker,
    Field,
    Kind,
    Literal,
    Parent,
    Pattern,
    Reference,
    Template,
    Uniform,
    Uuid,
)
from rowmill.spec.kinds.texts import UUID_LENGTH, Texts
from rowmill.spec.patterns.automaton import compile_pattern
from rowmill.spec.rules.uniqueness import domain_size
from rowmill.spec.sizes.compression import drawn_kept, pattern_bits, pattern_kept
from rowmill.spec.values.types import STRINGS, ColumnType, TypeName

# Bytes and alignment of what has one length (pg_type: typlen, typalign).
FIXED: dict[TypeName, tuple[int, int]] = {
    TypeName.BOOLEAN: (1, 1),
    TypeName.SMALLINT: (2, 2),
    TypeName.INTEGER: (4, 4),
    TypeName.BIGINT: (8, 8),
    TypeName.REAL: (4, 4),
    TypeName.DOUBLE: (8, 8),
    TypeName.DATE: (4, 4),
    TypeName.TIME: (8, 8),
    TypeName.TIMESTAMP: (8, 8),
    TypeName.TIMESTAMPTZ: (8, 8),
    TypeName.INTERVAL: (16, 8),
    TypeName.UUID: (16, 1),
}
_INET = {True: 6, False: 18}
# An array's own head, behind its length: with elements the bounds of its dimension too.
_EMPTY_ARRAY, _ARRAY_HEAD = 12, 20
_LENGTH_WORD = 4
# The widest character of UTF-8, and what of a jsonb may be for each character of its text.
_WIDEST, _JSONB_GROWTH = 4, 16
_UUID_BITS = 122


@dataclass(frozen=True)
class Content:
    """The bytes of a value of varying length, without its length's own.

    `least` and `most` are those of the value as it is made, `most` None for what is not known;
    `kept` stays of any value, but for one in 2 ** 64, however it is compressed. `beyond` is how
    many bytes more than characters it has at most.
    """

    least: int
    most: int | None
    kept: int = 0
    beyond: int = 0


_UNKNOWN = Content(0, None)


class CellSizes:
    """The contents of columns of varying length, each found once, its sources first."""

    def __init__(self, ordered: Iterable[ColumnDraft], drafts: Drafts, texts: Texts) -> None:
        self._drafts = drafts
        self._texts = texts
        self._found: dict[int, Content] = {}
        for column in ordered:
            self._found[id(column)] = self._of(column, column.kind, column.type)

    def of(self, column: ColumnDraft) -> Content:
        """What a column holds that is not null; its type is none of `FIXED`, or an array."""
        made = self._made(column)
        return made if column.type.array else _padded(made, column.type)

    def _made(self, column: ColumnDraft) -> Content:
        return self._found[id(column)]

    def _of(self, column: ColumnDraft, kind: Kind | None, column_type: ColumnType) -> Content:
        if isinstance(kind, Reference | Parent):
            link = column.table.links[kind.via]
            return self._made(self._drafts.by_name[link.parent].columns[kind.column])
        if column_type.array:
            return self._array(column, kind, column_type.element)
        if isinstance(kind, Choice | Constant):
            return _listed(_values(kind), column_type)
        if column_type.name is TypeName.NUMERIC:
            return _numeric(column_type)
        if column_type.name is TypeName.INET:
            return Content(_INET[True], _INET[False])
        if column_type.name in STRINGS and kind is not None:
            return self._text(column, kind)
        return _UNKNOWN

    def _text(self, column: ColumnDraft, kind: Kind) -> Content:
        if isinstance(kind, Pattern):
            return _pattern(kind.pattern)
        if isinstance(kind, Uuid):
            kept = drawn_kept(_UUID_BITS) if kind.version == 4 else 0
            return Content(UUID_LENGTH, UUID_LENGTH, kept)
        if isinstance(kind, Template):
            return self._template(column, kind)
        if isinstance(kind, Faker):
            length = faker_length(kind)
            if length is None:
                return _UNKNOWN
            return Content(0, length.bytes, beyond=length.bytes - length.characters)
        return _UNKNOWN

    def _template(self, column: ColumnDraft, template: Template) -> Content:
        parts = [
            self._field(column, part) if isinstance(part, Field) else _text(part)
            for part in template.parts
        ]
        most = [part.most for part in parts if part.most is not None]
        return Content(
            sum(part.least for part in parts),
            sum(most) if len(most) == len(parts) else None,
            # What stands around it may be a match's beginning or end.
            max((part.kept - _LENGTH_WORD for part in parts if part.kept), default=0),
            sum(part.beyond for part in parts),
        )

    def _field(self, column: ColumnDraft, field: Field) -> Content:
        source = column.table.columns[field.column]
        text = self._texts.of_field(column, field)
        characters = text.most if text.ascii or text.most is None else text.most * _WIDEST
        beyond = 0 if text.most is None or characters is None else characters - text.most
        if source.type.name not in STRINGS:
            return Content(max(1, field.argument or 0), characters)
        made = self._made(source)
        if field.filter is None:
            return made
        if field.filter == "pad":
            return Content(max(made.least, field.argument or 0), characters, beyond=beyond)
        # A change of case may shorten a character.
        return Content(made.least // _WIDEST, characters, beyond=beyond)

    def _array(self, column: ColumnDraft, kind: Kind | None, element: ColumnType) -> Content:
        if isinstance(kind, Choice | Constant):
            arrays = [value for value in _values(kind) if isinstance(value, tuple)]
            sizes = [_listed_array(each, element) for each in arrays]
            return Content(min(size.least for size in sizes), _most(sizes))
        if not isinstance(kind, Array):
            return _UNKNOWN
        one = Content(0, 0)
        if element.name not in FIXED:
            one = _padded(self._of(column, kind.of, element), element)
        few, many = _array_of([one] * kind.min, element), _array_of([one] * kind.max, element)
        kept = drawn_kept(kind.min * _bits(column, kind.of))
        return Content(few.least, many.most, min(kept, few.least))


def _padded(made: Content, column_type: ColumnType) -> Content:
    """The content with the spaces that fill a char(n) to its n characters."""
    length = column_type.length
    if column_type.name is not TypeName.CHAR or length is None:
        return made
    most = min(length + made.beyond, length * _WIDEST)
    return Content(max(made.least, length), most, made.kept, made.beyond)


def _pattern(pattern: str) -> Content:
    automaton = compile_pattern(pattern)
    codes = [code for edges in automaton.edges for e in edges for code in (e.low, e.high)]
    widths = [_width(code) for code in codes] or [0]
    return Content(
        automaton.min_length * min(widths),
        automaton.max_length * max(widths),
        pattern_kept(pattern),
        automaton.max_length * (max(widths) - 1),
    )


def _width(code: int) -> int:
    """The bytes of a character in UTF-8; a class reaches over no surrogates."""
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def _numeric(column_type: ColumnType) -> Content:
    """Groups of four digits on either side of the point, behind a head of two bytes."""
    whole = (column_type.precision or 0) - (column_type.scale or 0)
    groups = -(-whole // 4) + -(-(column_type.scale or 0) // 4)
    return Content(2, 2 + 2 * groups)


def _listed(values: list[Literal], column_type: ColumnType) -> Content:
    if column_type.name in FIXED:
        return Content(0, 0)
    if column_type.name is TypeName.NUMERIC:
        return _numeric(column_type)
    sizes = [_literal(value, column_type) for value in values]
    beyond = max(size.beyond for size in sizes)
    return Content(min(size.least for size in sizes), _most(sizes), beyond=beyond)


def _literal(value: Literal, column_type: ColumnType) -> Content:
    if isinstance(value, bytes):
        return _exactly(len(value))
    text = str(value)
    if column_type.name is TypeName.INET:
        return _exactly(_INET[":" not in text])
    if column_type.name is TypeName.JSONB:
        return Content(_LENGTH_WORD, len(text.encode()) * _JSONB_GROWTH)
    return _text(text)


def _text(text: str) -> Content:
    size = len(text.encode())
    return Content(size, size, beyond=size - len(text))


def _listed_array(values: tuple[Literal, ...], element: ColumnType) -> Content:
    return _array_of([_padded(_listed([each], element), element) for each in values], element)


def _array_of(elements: list[Content], element: ColumnType) -> Content:
    if not elements:
        return _exactly(_EMPTY_ARRAY)
    if element.name in FIXED:
        return _exactly(_ARRAY_HEAD + len(elements) * FIXED[element.name][0])
    # Elements have the long form of a length each, and begin at multiples of it.
    least = [_LENGTH_WORD + _aligned(each.least) for each in elements]
    most = [_LENGTH_WORD + _aligned(each.most) for each in elements if each.most is not None]
    return Content(
        _ARRAY_HEAD + sum(least),
        _ARRAY_HEAD + sum(most) if len(most) == len(elements) else None,
    )


def _aligned(size: int) -> int:
    return -(-size // _LENGTH_WORD) * _LENGTH_WORD


def _bits(column: ColumnDraft, kind: Kind) -> float:
    """Bits such that no element is more likely than 2 ** -bits."""
    if isinstance(kind, Pattern):
        return pattern_bits(kind.pattern)
    if isinstance(kind, Uuid):
        return _UUID_BITS if kind.version == 4 else 0.0
    if isinstance(kind, Uniform | Between):
        return log2(domain_size(column, kind) or 1)
    return 0.0


def _exactly(size: int) -> Content:
    return Content(size, size)


def _most(sizes: list[Content]) -> int | None:
    known = [size.most for size in sizes if size.most is not None]
    return max(known) if len(known) == len(sizes) else None


def _values(kind: Choice | Constant) -> list[Literal]:
    return list(kind.values) if isinstance(kind, Choice) else [kind.value]
