"""Kinds of cells: what `generate` says of a column, read by the column's type."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from rowmill.spec.drafts import ColumnDraft, Drafts
from rowmill.spec.fields import OneOf
from rowmill.spec.inference import infer
from rowmill.spec.kind.base import Kind
from rowmill.spec.kinds import ENTRIES, Reference
from rowmill.spec.reading.column_reading import ColumnReading
from rowmill.spec.report import Report
from rowmill.spec.values.types import SAMPLES, STRINGS, TypeName

_BY_KEY = {entry.key: entry for entry in ENTRIES}


def read_cells(drafts: Drafts, locale: str | None, data_version: int, report: Report) -> None:
    """Give every column its kind, or leave None where a problem was found or hides it.

    `locale` is the default of Faker's columns, None if it is not known. By `data_version` is
    inferred what the manifest leaves out.
    """
    for draft in drafts.tables:
        for column in draft.every:
            column.kind = _read_column(column, drafts, locale, data_version, report)


def _read_column(
    column: ColumnDraft,
    drafts: Drafts,
    locale: str | None,
    data_version: int,
    report: Report,
) -> Kind | None:
    if column.link is not None:
        return _reference(column)
    given = column.spec.generate
    if column.doubtful("generate") or column.doubtful("references"):
        return None
    if given is None and (locale is None or _may_differ(column)):
        return None
    path = column.path if given is None else (*column.path, "generate")
    reading = ColumnReading(
        column, column.type, path, drafts, locale, data_version, report, given is None, _read
    )
    generate = infer(column, str(locale), data_version).generate if given is None else given
    if column.doubtful("type"):
        _read_whatever_type(generate, reading)
        return None
    kind = _read(generate, reading)
    return None if report.doubts.below((*column.path, "generate")) else kind


def _may_differ(column: ColumnDraft) -> bool:
    """Whether what is inferred for a column hangs on what is not known of it."""
    return (
        not column.named
        or not column.uniqueness_known
        or column.table.links_hidden
        or column.doubtful("type")
        or _needs_rows(column)
    )


def _needs_rows(column: ColumnDraft) -> bool:
    """Whether it is inferred by the number of rows, which is not known."""
    counted_by = STRINGS | {TypeName.INET}
    unique = column.wants_unique is not None and column.type.name in counted_by
    return unique and column.table.rows is None


def _read_whatever_type(generate: OneOf, reading: ColumnReading) -> None:
    """Say what is wrong with a `generate` whatever the type of its column will be.

    By some types the words may be others, so long as something is wrong there by each.
    """
    entry = _BY_KEY[generate.member[0]]
    attempts = []
    for kind in SAMPLES:
        if entry.can_fill(kind):
            report = reading.report.apart()
            _read(generate, replace(reading, type=kind, report=report))
            attempts.append(report.found)
    times_found = Counter(problem for found in attempts for problem in found)
    paths = Counter(path for found in attempts for path in {path for path, _ in found})
    for (path, message), times in times_found.items():
        if paths[path] == len(attempts) and times * 2 > len(attempts):
            reading.report.add(path, message)


def _reference(column: ColumnDraft) -> Kind | None:
    link = column.table.links.get(column.link or "")
    # Another reference may have taken the name, which is reported.
    if link is None or column.name not in link.columns:
        return None
    return Reference(link.name, link.parent_columns[link.columns.index(column.name)])


def _read(generate: OneOf, reading: ColumnReading) -> Kind | None:
    member, value = generate.member
    here, entry = reading.under(member), _BY_KEY[member]
    if not entry.can_fill(reading.type):
        right = ", ".join(each.key for each in ENTRIES if each.can_fill(reading.type))
        reading.report.add(here.path, f"{member} does not make {reading.type}; use {right}")
        return None
    return entry.read(value, here)
