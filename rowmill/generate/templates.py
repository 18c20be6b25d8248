"""Templates: texts joined from fixed parts and other columns of the row."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from rowmill.generate.context import Context
from rowmill.generate.frame import Cells, Frame
from rowmill.generate.from_text import from_text
from rowmill.generate.letters import lower, map_texts, slug, title, upper
from rowmill.generate.to_text import to_text
from rowmill.spec.kinds import Field, Template
from rowmill.spec.types import STRINGS, ColumnType

_FILTERS: dict[str, Callable[[str], str]] = {
    "lower": lower,
    "slug": slug,
    "title": title,
    "upper": upper,
}


def build_template(context: Context) -> Cells:
    """The parts joined; null where a field is null. Fields are rendered as `to_text` does."""
    kind, column_type = context.column.kind, context.column.type
    assert isinstance(kind, Template)
    parts = [_part(context, part) for part in kind.parts]

    def texts(frame: Frame) -> pa.Array:
        pieces = [part(frame) if callable(part) else part for part in parts]
        if not any(isinstance(piece, pa.Array) for piece in pieces):
            return pa.repeat("".join(pieces), len(frame))
        return pc.binary_join_element_wise(*pieces, "")

    if column_type.name in STRINGS:
        return texts
    return lambda frame: from_text(texts(frame), column_type)


def _part(context: Context, part: str | Field) -> str | Cells:
    if isinstance(part, str):
        return part
    column_type = context.table.column(part.column).type
    return lambda frame: _field(frame.cells(part.column), column_type, part)


def _field(values: pa.Array, column_type: ColumnType, field: Field) -> pa.Array:
    if isinstance(values, pa.DictionaryArray):
        # Render and filter each different value once, not each cell.
        return _field(values.dictionary, column_type, field).take(values.indices)
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
