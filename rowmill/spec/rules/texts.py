"""The texts of all columns: how long a cell can be as text, and which characters it can hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rowmill.counting import counted
from rowmill.spec.drafts import ColumnDraft, Drafts, source_column
from rowmill.spec.kind.base import Kind, Source, walk
from rowmill.spec.kinds import Field
from rowmill.spec.paths import Path
from rowmill.spec.report import Report
from rowmill.spec.shapes.text import ANYTHING, UNKNOWN, Text, text_of_type
from rowmill.spec.templates.field_text import field_text
from rowmill.spec.values.types import STRINGS, ColumnType


@dataclass(frozen=True)
class ColumnTexts:
    """What is known of the texts that a column is computed from."""

    column: ColumnDraft
    drafts: Drafts
    data_version: int
    found: dict[int, Text]

    def text(self, source: Source) -> Text:
        """The text of another column, which was found before."""
        return self.found.get(id(source_column(self.column, source, self.drafts)), ANYTHING)

    def type(self, source: Source) -> ColumnType:
        """The type of another column."""
        return source_column(self.column, source, self.drafts).type


class Texts:
    """The texts of all columns, each found once, its sources first."""

    def __init__(self, ordered: list[ColumnDraft], drafts: Drafts, data_version: int) -> None:
        self.data_version = data_version
        self._drafts = drafts
        self._found: dict[int, Text] = {}
        for column in ordered:
            self._found[id(column)] = self._of(column, column.kind, column.type)

    def known(self, column: ColumnDraft) -> ColumnTexts:
        """What the column's kind may ask for."""
        return ColumnTexts(column, self._drafts, self.data_version, self._found)

    def of_field(self, column: ColumnDraft, field: Field) -> Text:
        """The text of one field of the column's template, its filter applied."""
        return field_text(field, self.known(column))

    def check_lengths(self, columns: list[ColumnDraft], report: Report) -> None:
        """Refuse what may be longer than its column and is not held to its length."""
        for column in columns:
            if column.kind is None:
                continue
            for inner in walk(column.kind, column.type, (*column.path, "generate")):
                self._check_length(column, inner.kind, inner.type, inner.path, report)

    def _check_length(
        self,
        column: ColumnDraft,
        kind: Kind,
        column_type: ColumnType,
        place: Path,
        report: Report,
    ) -> None:
        length, known = column_type.length, self.known(column)
        if length is None or column_type.array:
            return
        reason = kind.why_long(known, length)
        made = kind.text(known)
        if reason is None or not made.known or (made.most is not None and made.most <= length):
            return
        why, instead = reason
        if made.most is None:
            found = f"may be of any length, more than {column_type} holds"
            right = "fields of limited length, such as varchar(n), or a column of text"
        else:
            found = f"may have {counted(made.most, 'character')}, more than {column_type} holds"
            right = f"a shorter {kind.key} or a longer column"
        path = column.path if column.spec.generate is None else (*place, kind.key)
        report.add(path, f"{found}{': ' if why else ''}{why}; use {right}{instead}")

    def _of(self, column: ColumnDraft, kind: Kind | None, column_type: ColumnType) -> Text:
        if kind is None or column.doubtful("type"):
            return UNKNOWN
        if column_type.array:
            return ANYTHING
        known = self.known(column)
        if kind.copied is not None:
            return known.text(kind.copied)
        if column_type.name in STRINGS:
            made = kind.text(known)
            bounds = [n for n in (made.most, column_type.length) if n is not None]
            return replace(made, most=min(bounds, default=None))
        return text_of_type(column_type, _integer_span(column, kind))


def _integer_span(column: ColumnDraft, kind: Kind) -> tuple[int, int] | None:
    """The smallest and the largest value of a kind of integers that has both."""
    per = column.table.spec.rows_per
    span = kind.span(column.table.rows or 0, None if per is None else per.max)
    return None if span is None else (int(span[0]), int(span[1]))
