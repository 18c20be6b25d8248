"""One `generate` that is being read: its place, its column, and what it may refer to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rowmill.spec.dataset import Link
from rowmill.spec.drafts import ColumnDraft, Drafts, report_column
from rowmill.spec.kind import Literal
from rowmill.spec.paths import Path, shown
from rowmill.spec.references import (
    find_link,
    is_hidden_link,
    report_anywhere,
    target_of,
)
from rowmill.spec.report import Report, nearest
from rowmill.spec.values.literals import read_literal
from rowmill.spec.values.types import ColumnType


@dataclass(frozen=True)
class Reading:
    """One `generate`: its column, the type to fill (of an array its element's) and its path.

    An inferred one has no place in the manifest: its problems are the column's. A row has up to
    `cells` of its values.
    """

    column: ColumnDraft
    type: ColumnType
    path: Path
    drafts: Drafts
    locale: str | None
    data_version: int
    report: Report
    inferred: bool
    cells: int = 1

    def under(self, step: str) -> Reading:
        """What stands one step deeper."""
        return self if self.inferred else replace(self, path=(*self.path, step))

    def link(self, via: str) -> Link | None:
        """The link that `via` names; None after saying that there is none."""
        draft = self.column.table
        link = find_link(draft, via)
        if link is None and not is_hidden_link(draft, via):
            self.report.add(
                (*self.path, "via"),
                f"{shown(via)} is no reference of {shown(draft.name)}; {nearest(via, draft.links)}",
            )
        return link

    def source(self, name: str, via: str | None) -> ColumnDraft | None:
        """The column that another is computed from: of this table or of the parent by `via`.

        The parent is known by its name, however wrong the reference is otherwise. None after
        saying that there is no such column, and where the parent is not known.
        """
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


def read_value(value: int | str, reading: Reading) -> Literal | None:
    """A literal by the reading's type; None after a problem."""
    try:
        return read_literal(value, reading.type)
    except ValueError as error:
        reading.report.attempt(reading.path, error)
        return None
