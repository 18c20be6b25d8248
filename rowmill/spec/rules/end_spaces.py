"""Templates of a char(n) that keep rows apart by spaces at their end alone, which it ignores."""

from __future__ import annotations

from rowmill.spec.drafts import ColumnDraft, Drafts, source_column
from rowmill.spec.kinds import Field, Template


def ends_in_spaces_of(column: ColumnDraft, drafts: Drafts) -> frozenset[str]:
    """The columns of its table that a template keeps apart by spaces at its end alone, at worst."""
    table, names = column.table, set[str]()
    seen: set[ColumnDraft] = set()
    while column not in seen:
        seen.add(column)
        kind = column.kind
        if isinstance(kind, Template):
            field = _last_field(kind)
            if field is None:
                break
            column = column.table.columns[field.column]
            others: tuple[str, ...] = (column.name,)
        elif kind is not None and (source := kind.copied) is not None:
            others = column.table.links[source.via or ""].columns if column.table is table else ()
            column = source_column(column, source, drafts)
        else:
            differ = kind is not None and kind.differs_in_end_spaces
            return frozenset(names) if differ else frozenset()
        names.update(others)
    return frozenset()


def _last_field(template: Template) -> Field | None:
    """The field that ends the template, but for spaces; None where other text or a slug does."""
    for part in reversed(template.pieces):
        if isinstance(part, Field):
            return None if part.filter == "slug" else part
        if part.strip(" "):
            return None
    return None
