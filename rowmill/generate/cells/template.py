"""Templates: texts joined from fixed parts and other columns of the row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells, Frame
from rowmill.generate.text.from_text import from_text
from rowmill.generate.text.letters import lower, map_texts, slug, title, upper
from rowmill.generate.text.to_text import to_text
from rowmill.spec.kinds import Field, Template
from rowmill.spec.templates.addresses import Stretch, shortened, stretches
from rowmill.spec.values.types import STRINGS, ColumnType

_FILTERS: dict[str, Callable[[str], str]] = {
    "lower": lower,
    "slug": slug,
    "title": title,
    "upper": upper,
}


# A dictionary so many times longer than the batch isn't worth rendering.
_LONG = 4


def _build(context: Context) -> Cells:
    """The parts joined; null where a field is null. Fields are rendered as `to_text` does.

    From version 2 on slugs are cut to what the parts of an address can hold.
    """
    kind, column_type = context.column.kind, context.column.type
    assert isinstance(kind, Template)
    parts = _parts(context, kind)

    def texts(frame: Frame) -> pa.Array:
        pieces = [piece for part in parts for piece in part.pieces(frame)]
        if len(pieces) == 1:
            return pieces[0]
        return pc.binary_join_element_wise(*pieces, "")

    if column_type.name in STRINGS:
        return texts
    return lambda frame: from_text(texts(frame), column_type)


def _parts(context: Context, template: Template) -> Sequence[_Part]:
    fields = _fields(context, template)
    if not fields:
        return [_FixedPart("".join(map(str, template.pieces)))]
    found: list[_Part] = []
    done = 0
    for bound in stretches(template.pieces) if context.version > 1 else ():
        found += fields[done : bound.first]
        found.append(_StretchPart(fields[bound.first : bound.end], bound))
        done = bound.end
    return found + fields[done:]


def _fields(context: Context, template: Template) -> list[_FieldPart]:
    """The fields, each with the fixed text behind it, the first also with that before it."""
    fields: list[_FieldPart] = []
    before = ""
    for part in template.pieces:
        if isinstance(part, Field):
            fields.append(_FieldPart(part, context.table.column(part.column).type, before))
            before = ""
        elif fields:
            fields[-1].after += part
        else:
            before += part
    return fields


class _Part(Protocol):
    def pieces(self, frame: Frame) -> list[pa.Array | str]:
        """What to join; at least one is an array of the frame's length."""
        ...


class _FixedPart:
    """A template without fields."""

    def __init__(self, text: str) -> None:
        self._text = text

    def pieces(self, frame: Frame) -> list[pa.Array | str]:
        return [pa.repeat(self._text, len(frame))]


class _FieldPart:
    """A field and the fixed texts around it."""

    def __init__(self, field: Field, column_type: ColumnType, before: str) -> None:
        self.before = before
        self.after = ""
        self.field = field
        self._type = column_type
        self._known: tuple[pa.Array, pa.Array] | None = None

    def pieces(self, frame: Frame) -> list[pa.Array | str]:
        values = frame.cells(self.field.column)
        if isinstance(values, pa.DictionaryArray):
            dictionary = values.dictionary
            if self._is_known(dictionary) or len(dictionary) <= _LONG * len(values):
                return [self._rendered(dictionary).take(values.indices)]
            values = values.dictionary_decode()
        pieces = [self.before, _render(values, self._type, self.field), self.after]
        return [piece for piece in pieces if not isinstance(piece, str) or piece]

    def texts(self, frame: Frame, rows: pa.Array) -> list[str]:
        """The field alone in these places of the frame, where nothing is null."""
        values = frame.cells(self.field.column).take(rows)
        if isinstance(values, pa.DictionaryArray):
            values = values.dictionary_decode()
        found: list[str] = _render(values, self._type, self.field).to_pylist()
        return found

    def _rendered(self, dictionary: pa.Array) -> pa.Array:
        """Each different value rendered once, in most runs once for all batches."""
        if self._known is None or not self._is_known(dictionary):
            texts = _render(dictionary, self._type, self.field)
            around = pc.binary_join_element_wise(self.before, texts, self.after, "")
            self._known = dictionary, around
        return self._known[1]

    def _is_known(self, dictionary: pa.Array) -> bool:
        # The known one is kept, so its memory cannot belong to another by now.
        return self._known is not None and _place(self._known[0]) == _place(dictionary)


class _StretchPart:
    """Fields that stand in one part of an address: its slugs are cut where it is too long."""

    def __init__(self, fields: list[_FieldPart], bound: Stretch) -> None:
        self._fields = fields
        self._slugs = [field.field.filter == "slug" for field in fields]
        self._room = bound.most - bound.fixed
        fixed = fields[0].before + "".join(field.after for field in fields)
        # What the pieces may have together with the fixed text that stands outside.
        self._most = self._room + len(fixed.encode())

    def pieces(self, frame: Frame) -> list[pa.Array | str]:
        pieces = [piece for field in self._fields for piece in field.pieces(frame)]
        whole = pieces[0] if len(pieces) == 1 else pc.binary_join_element_wise(*pieces, "")
        long = pc.fill_null(pc.greater(pc.binary_length(whole), self._most), False)
        places = pc.indices_nonzero(long)
        if not len(places):
            return [whole]
        texts = [field.texts(frame, places) for field in self._fields]
        cut = pa.array(map(self._cut, zip(*texts, strict=True)), type=pa.string())
        return [pc.replace_with_mask(whole, long, cut)]

    def _cut(self, texts: Sequence[str]) -> str:
        short = shortened(texts, self._slugs, self._room)
        ends = (field.after for field in self._fields)
        return self._fields[0].before + "".join(
            text + after for text, after in zip(short, ends, strict=True)
        )


def _place(values: pa.Array) -> tuple[int, int, list[int]]:
    return len(values), values.offset, [b.address if b else 0 for b in values.buffers()]


def _render(values: pa.Array, column_type: ColumnType, field: Field) -> pa.Array:
    texts = to_text(values, column_type)
    if field.filter is None:
        return texts
    if field.filter == "pad":
        assert field.argument is not None
        return _padded(texts, field.argument)
    return map_texts(texts, _FILTERS[field.filter])


def _padded(texts: pa.Array, width: int) -> pa.Array:
    """Zeros in front, behind a minus sign, up to `width` characters; longer texts stay."""
    plain = pc.utf8_lpad(texts, width, "0")
    negative = pc.starts_with(texts, "-")
    if not pc.any(negative).as_py():
        return plain
    digits = pc.utf8_lpad(pc.utf8_slice_codeunits(texts, 1), max(width - 1, 0), "0")
    return pc.if_else(negative, pc.binary_join_element_wise("-", digits, ""), plain)


TEMPLATE_CELLS = CellBuilder(Template, {1: _build, 2: _build})
