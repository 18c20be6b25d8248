"""Delays: whether the latest value of a column leaves room for what comes after it."""

from __future__ import annotations

from rowmill.spec.drafts import ColumnDraft, Drafts, source_column
from rowmill.spec.kind.base import InnerKind, walk
from rowmill.spec.kind.moments import MOMENTS
from rowmill.spec.kinds import After
from rowmill.spec.report import Report
from rowmill.spec.values.moments import DAY
from rowmill.spec.values.types import TypeName


def check_ends(ordered: list[ColumnDraft], drafts: Drafts, report: Report) -> None:
    """Refuse every `after` that some value of its source leaves no room for.

    `ordered` has each column after its sources; times are microseconds since 1970-01-01.
    """
    latest: dict[int, int] = {}
    for column in ordered:
        if column.kind is None:
            continue
        for inner in walk(column.kind, column.type, (*column.path, "generate")):
            end = _end(inner, column, latest, drafts, report)
            if end is not None:
                latest[id(column)] = max(end, latest.get(id(column), end))


def _end(
    inner: InnerKind, column: ColumnDraft, latest: dict[int, int], drafts: Drafts, report: Report
) -> int | None:
    """The latest moment that a kind in the column makes; None: not known, or it makes none."""
    kind = inner.kind
    if isinstance(kind, After):
        source = latest.get(id(source_column(column, kind.source, drafts)))
        if source is None:
            return None
        return kind.check_end(source, inner.type, (*inner.path, kind.key), report)
    if kind.copied is not None:
        return latest.get(id(source_column(column, kind.copied, drafts)))
    if inner.type.array or inner.type.name not in MOMENTS:
        return None
    span = kind.span(column.table.rows or 0, None)
    unit = DAY if inner.type.name is TypeName.DATE else 1
    return None if span is None else int(span[1]) * unit
