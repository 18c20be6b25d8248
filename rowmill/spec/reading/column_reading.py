"""The `generate` of one column that is being read, as the readers of kinds see it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from rowmill.spec.drafts import ColumnDraft, Drafts, report_column
from rowmill.spec.fields import OneOf
from rowmill.spec.inference import default_entity
from rowmill.spec.kind.base import Kind
from rowmill.spec.paths import Path, shown
from rowmill.spec.references import (
    find_link,
    is_hidden_link,
    report_anywhere,
    target_of,
)
from rowmill.spec.report import Report, nearest
from rowmill.spec.values.literals import read_literal
from rowmill.spec.values.types import ColumnType, Literal


@dataclass(frozen=True)
class ColumnReading:
    """One `generate`: its column, the type to fill (of an array its element's) and its path.

    An inferred one has no place in the manifest: its problems are the column's. A row has up to
    `cells` of its values. `read_member` reads what stands inside. The rest is told in
    `rowmill.spec.kind.reading.Reading`.
    """

    column: ColumnDraft
    type: ColumnType
    path: Path
    drafts: Drafts
    locale: str | None
    data_version: int
    report: Report
    inferred: bool
    read_member: Callable[[OneOf, ColumnReading], Kind | None]
    cells: int = 1

    @property
    def unique(self) -> bool:
        return self.column.wants_unique is not None

    @property
    def values(self) -> int | None:
        rows = self.column.table.rows
        return None if rows is None else rows * self.cells

    @property
    def most_children(self) -> int | None:
        per = self.column.table.spec.rows_per
        return None if per is None else per.max

    @property
    def per_unknown(self) -> bool:
        return self.column.table.doubtful("rowsPer")

    @property
    def columns(self) -> Collection[str]:
        return self.column.table.columns

    @property
    def open_names(self) -> bool:
        return self.column.table.open

    def under(self, *steps: str | int) -> ColumnReading:
        """What stands some steps deeper."""
        return self if self.inferred else replace(self, path=(*self.path, *steps))

    def link(self, via: str) -> str | None:
        draft = self.column.table
        link = find_link(draft, via)
        if link is None and not is_hidden_link(draft, via):
            self.report.add(
                (*self.path, "via"),
                f"{shown(via)} is no reference of {shown(draft.name)}; {nearest(via, draft.links)}",
            )
        return None if link is None else link.name

    def source(self, name: str, via: str | None) -> ColumnDraft | None:
        draft, path = self.column.table, (*self.path, "column")
        if via is not None:
            table = target_of(draft, via)
            if table not in self.drafts.by_name:
                if table is not None:
                    report_anywhere(table, name, path, self.drafts, self.report)
                return None
            draft = self.drafts.by_name[table]
        if name not in draft.columns:
            report_column(draft, name, path, self.report)
        return draft.columns.get(name)

    def entity(self, person: bool) -> str:
        return default_entity(self.column.name, person, self.data_version)

    def literal(self, value: int | str, *steps: str | int) -> Literal | None:
        try:
            return read_literal(value, self.type)
        except ValueError as error:
            self.report.attempt((*self.path, *steps), error)
            return None

    def inner_kind(
        self, generate: OneOf, step: str, column_type: ColumnType, times: int
    ) -> Kind | None:
        inside = replace(self.under(step), type=column_type, cells=self.cells * times)
        return self.read_member(generate, inside)
