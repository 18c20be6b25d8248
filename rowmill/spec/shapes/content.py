"""Contents: the bytes of a cell in Postgres, the fewest, the most, and what always stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rowmill.spec.values.types import ColumnType, Literal, TypeName

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
# The word that says a long value's length; what follows is aligned to it.
LENGTH_WORD = 4
# The widest character of UTF-8, and what of a jsonb may be for each character of its text.
WIDEST, _JSONB_GROWTH = 4, 16
_INET = {True: 6, False: 18}
# An array's own head, behind its length: with elements the bounds of its dimension too.
_EMPTY_ARRAY, _ARRAY_HEAD = 12, 20


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


UNKNOWN = Content(0, None)


def content_of_type(column_type: ColumnType) -> Content | None:
    """What any value of a type has; None where the kind tells."""
    if column_type.name is TypeName.NUMERIC:
        return _numeric(column_type)
    if column_type.name is TypeName.INET:
        return Content(_INET[True], _INET[False])
    return None


def content_of_literals(values: Sequence[Literal], column_type: ColumnType) -> Content:
    """What a cell has that is one of these, each read by the column's type."""
    if column_type.array:
        element = column_type.element
        arrays = [value for value in values if isinstance(value, tuple)]
        sizes = [_listed_array(each, element) for each in arrays]
        return Content(min(size.least for size in sizes), _most(sizes))
    if column_type.name in FIXED:
        return Content(0, 0)
    if column_type.name is TypeName.NUMERIC:
        return _numeric(column_type)
    sizes = [_literal(value, column_type) for value in values]
    beyond = max(size.beyond for size in sizes)
    return Content(min(size.least for size in sizes), _most(sizes), beyond=beyond)


def content_of_text(text: str) -> Content:
    """What this very text has."""
    size = len(text.encode())
    return Content(size, size, beyond=size - len(text))


def array_of(elements: Sequence[Content], element: ColumnType) -> Content:
    """What an array of these elements has."""
    if not elements:
        return _exactly(_EMPTY_ARRAY)
    if element.name in FIXED:
        return _exactly(_ARRAY_HEAD + len(elements) * FIXED[element.name][0])
    # Elements have the long form of a length each, and begin at multiples of it.
    least = [LENGTH_WORD + _aligned(each.least) for each in elements]
    most = [LENGTH_WORD + _aligned(each.most) for each in elements if each.most is not None]
    return Content(
        _ARRAY_HEAD + sum(least),
        _ARRAY_HEAD + sum(most) if len(most) == len(elements) else None,
    )


def padded(made: Content, column_type: ColumnType) -> Content:
    """The content with the spaces that fill a char(n) to its n characters."""
    length = column_type.length
    if column_type.name is not TypeName.CHAR or length is None:
        return made
    most = min(length + made.beyond, length * WIDEST)
    return Content(max(made.least, length), most, made.kept, made.beyond)


def _numeric(column_type: ColumnType) -> Content:
    """Groups of four digits on either side of the point, behind a head of two bytes."""
    whole = (column_type.precision or 0) - (column_type.scale or 0)
    groups = -(-whole // 4) + -(-(column_type.scale or 0) // 4)
    return Content(2, 2 + 2 * groups)


def _literal(value: Literal, column_type: ColumnType) -> Content:
    if isinstance(value, bytes):
        return _exactly(len(value))
    text = str(value)
    if column_type.name is TypeName.INET:
        return _exactly(_INET[":" not in text])
    if column_type.name is TypeName.JSONB:
        return Content(LENGTH_WORD, len(text.encode()) * _JSONB_GROWTH)
    return content_of_text(text)


def _listed_array(values: tuple[Literal, ...], element: ColumnType) -> Content:
    each = [padded(content_of_literals([value], element), element) for value in values]
    return array_of(each, element)


def _aligned(size: int) -> int:
    return -(-size // LENGTH_WORD) * LENGTH_WORD


def _exactly(size: int) -> Content:
    return Content(size, size)


def _most(sizes: Sequence[Content]) -> int | None:
    known = [size.most for size in sizes if size.most is not None]
    return max(known) if len(known) == len(sizes) else None
