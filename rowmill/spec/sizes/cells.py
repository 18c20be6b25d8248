"""The bytes of a column's cells in Postgres: the fewest, the most, and what always stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rowmill.spec.drafts import ColumnDraft, Drafts, source_column
from rowmill.spec.kind.base import Source
from rowmill.spec.rules.texts import ColumnTexts, Texts
from rowmill.spec.shapes.content import UNKNOWN, Content, padded


class CellSizes:
    """The contents of columns of varying length, each found once, its sources first."""

    def __init__(self, ordered: Iterable[ColumnDraft], drafts: Drafts, texts: Texts) -> None:
        self._drafts = drafts
        self._found: dict[int, Content] = {}
        for column in ordered:
            known = texts.known(column)
            self._found[id(column)] = self._of(column, known)

    def of(self, column: ColumnDraft) -> Content:
        """What a column holds that is not null; its type is none of `FIXED`, or an array."""
        made = self._found[id(column)]
        return made if column.type.array else padded(made, column.type)

    def _of(self, column: ColumnDraft, texts: ColumnTexts) -> Content:
        kind = column.kind
        if kind is None:
            return UNKNOWN
        if kind.copied is not None:
            return self._found[id(source_column(column, kind.copied, self._drafts))]
        known = _KnownContents(
            texts.column, texts.drafts, texts.data_version, texts.found, self._found
        )
        return kind.content(column.type, known)


@dataclass(frozen=True)
class _KnownContents(ColumnTexts):
    contents: dict[int, Content]

    def content(self, source: Source) -> Content:
        """The content of another column, which was found before."""
        return self.contents[id(source_column(self.column, source, self.drafts))]
