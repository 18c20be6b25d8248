"""Delays: whether the latest value of a column leaves room for what comes after it."""

from __future__ import annotations

from rowmill.spec.drafts import ColumnDraft, Drafts, source_column
from rowmill.spec.kind import walk
from rowmill.spec.kinds import After
from rowmill.spec.kinds.moments import MOMENTS
from rowmill.spec.report import Report
from rowmill.spec.values.moments import DAY
from rowmill.spec.values.types import TypeName


def check_ends(ordered: list[ColumnDraft], drafts: Drafts, report: Report) -> None:
    """Refuse every `after` that some value of its source leaves no room for.

    `ordered` has each column after its sources; times are microseconds since 1970-01-01.
    """
    latest: dict[int, int] = {}
    for column in ordered:
        kind = column.kind
        if kind is None:
            continue
        for part in walk(kind, column.type, (*column.path, "generate")):
            if isinstance(part.kind, After):
                source = latest.get(id(source_column(column, part.kind.source, drafts)))
                if source is not None:
                    path = (*part.path, part.kind.key)
                    latest[id(column)] = part.kind.check_end(source, part.type, path, report)
        if kind.copied is not None:
            source = latest.get(id(source_column(column, kind.copied, drafts)))
            if source is not None:
                latest[id(column)] = source
        elif column.type.name in MOMENTS and not column.type.array:
            span = kind.span(column.table.rows or 0, None)
            if span is not None:
                unit = DAY if column.type.name is TypeName.DATE else 1
                latest[id(column)] = int(span[1]) * unit
