"""What keeps rows apart: columns and sets of columns that never repeat, and what holds them.

A set of columns holds another if its values tell the other's: a template tells a column that can be
read back out of its text, and what only one parent has tells which parent it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rowmill.spec.dataset import PickChildren, PickOneToOne
from rowmill.spec.drafts import ColumnDraft, Draft, Drafts, source_column
from rowmill.spec.kind.base import Kind, Source
from rowmill.spec.kinds import Field, Ordinal, Reference, Template
from rowmill.spec.rules.texts import Texts
from rowmill.spec.shapes.text import Text
from rowmill.spec.values.types import INTEGERS

# Of each table the sets of columns that never repeat.
SureKeys = dict[Draft, list[frozenset[str]]]


def is_unique(column: ColumnDraft) -> bool:
    """Whether a column's values never repeat, by demand or by construction."""
    return column.wants_unique is not None or by_construction(column)


def by_construction(column: ColumnDraft) -> bool:
    """Whether the column's kind never repeats, whether it is asked to or not."""
    kind, table = column.kind, column.table
    if isinstance(kind, Reference):
        link = table.links[kind.via]
        alone = len(link.columns) == 1
        once = isinstance(link.pick, PickChildren) and table.one_child
        return alone and (once or isinstance(link.pick, PickOneToOne))
    return kind is not None and kind.never_repeats


def sure_keys(draft: Draft) -> list[frozenset[str]]:
    """The sets of columns that never repeat, before any key is given a pick."""
    sure = [frozenset([c.name]) for c in draft.columns.values() if is_unique(c)]
    sure += [
        frozenset(link.columns)
        for link in draft.links.values()
        if isinstance(link.pick, PickOneToOne) or (link.name == draft.per_link and draft.one_child)
    ]
    if draft.per_link is not None:
        columns = draft.links[draft.per_link].columns
        ordinals = [c.name for c in draft.columns.values() if isinstance(c.kind, Ordinal)]
        sure += [frozenset([*columns, ordinal]) for ordinal in ordinals]
    return sure


def kept_apart(
    columns: Iterable[ColumnDraft], drafts: Drafts, texts: Texts, sure: Iterable[frozenset[str]]
) -> bool:
    """Whether columns of one table never repeat together, for they hold one of the `sure` sets."""
    held = {each.name for each in _followed(columns, lambda each: _determined(each, drafts, texts))}
    return any(known <= held for known in sure)


def unsettled(columns: Iterable[ColumnDraft], drafts: Drafts, texts: Texts) -> bool:
    """Whether it is not known if columns of one table repeat, for what tells it is not."""
    return any(_is_open(each, drafts, texts) for each in _followed(columns, _read))


def _is_open(column: ColumnDraft, drafts: Drafts, texts: Texts) -> bool:
    kind, table = column.kind, column.table
    if _uniqueness_open(column) or (table.per_hidden and isinstance(kind, Ordinal)):
        return True
    if (source := _copied(kind)) is not None:
        return _uniqueness_open(source_column(column, source, drafts))
    return not all(texts.of_field(column, field).known for field in _fields(kind))


def _uniqueness_open(column: ColumnDraft) -> bool:
    """Whether it is not known if the column is unique."""
    if is_unique(column):
        return False
    hidden = isinstance(column.kind, Reference) and column.table.per_hidden
    return column.kind is None or not column.uniqueness_known or hidden


def _followed(
    columns: Iterable[ColumnDraft], follow: Callable[[ColumnDraft], Iterable[str]]
) -> list[ColumnDraft]:
    """The columns, and all of their table to which `follow` leads from them."""
    found: dict[ColumnDraft, None] = {}
    waiting = list(columns)
    while waiting:
        column = waiting.pop()
        if column not in found:
            found[column] = None
            waiting += [column.table.columns[name] for name in follow(column)]
    return list(found)


def _read(column: ColumnDraft) -> Iterator[str]:
    """The columns whose values a column's value is made of."""
    if (source := _copied(column.kind)) is not None:
        yield from column.table.links[source.via or ""].columns
    for field in _fields(column.kind):
        yield field.column


def _determined(column: ColumnDraft, drafts: Drafts, texts: Texts) -> Iterator[str]:
    """The columns whose values follow from that of one column."""
    kind = column.kind
    if isinstance(kind, Template):
        for place, piece in enumerate(kind.pieces):
            if isinstance(piece, Field) and _stands_out(column, kind, place, texts):
                yield piece.column
        return
    source = _copied(kind)
    if source is not None and is_unique(source_column(column, source, drafts)):
        yield from column.table.links[source.via or ""].columns


def _copied(kind: Kind | None) -> Source | None:
    return None if kind is None else kind.copied


def _fields(kind: Kind | None) -> list[Field]:
    return kind.fields if isinstance(kind, Template) else []


def _stands_out(column: ColumnDraft, template: Template, place: int, texts: Texts) -> bool:
    """Whether field `place` can be read out of the whole text, from its left or from its right.

    From the right: what follows is fixed text, or begins with a character that does not occur in
    the rest of it, so that its last occurrence is the field's end whatever the field holds; then
    the field begins the text, or behind a character that it cannot hold. From the left alike.
    """
    part = template.pieces[place]
    assert isinstance(part, Field)
    # Padding keeps only integers apart.
    integer = column.table.columns[part.column].type.name in INTEGERS
    if not (part.filter is None or (part.filter == "pad" and integer)):
        return False
    parts = [
        texts.of_field(column, part) if isinstance(part, Field) else part
        for part in template.pieces
    ]
    field = parts[place]
    assert isinstance(field, Text)
    left = [part[::-1] if isinstance(part, str) else part for part in reversed(parts[:place])]
    right = parts[place + 1 :]
    return any(_ends(near) and _begins(far, field) for near, far in ((left, right), (right, left)))


def _ends(side: list[Text | str]) -> bool:
    """Whether the border with this side is found by looking from this side's far end."""
    if all(isinstance(part, str) for part in side):
        return True
    first = side[0]
    if not isinstance(first, str) or not first:
        return False
    mark, rest = first[0], [first[1:], *side[1:]]
    return not any(mark in (p if isinstance(p, str) else p.characters) for p in rest)


def _begins(side: list[Text | str], field: Text) -> bool:
    """Whether, the other border being known, this one is found by the field's own characters."""
    if all(isinstance(part, str) for part in side):
        return True
    first = side[0]
    return isinstance(first, str) and bool(first) and first[0] not in field.characters
