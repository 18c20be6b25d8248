"""Kinds of dates and times: between two of them, and after another column's."""

from __future__ import annotations

from rowmill.spec.drafts import ColumnDraft, Drafts
from rowmill.spec.kind import (
    After,
    Array,
    Between,
    Choice,
    Constant,
    Kind,
    Literal,
    Parent,
    Reference,
)
from rowmill.spec.manifest.generators import AfterSpec, BetweenSpec
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report
from rowmill.spec.values.durations import parse_duration
from rowmill.spec.values.literals import read_literal
from rowmill.spec.values.moments import DAY, MAX_TIMESTAMP, SECOND, format_timestamp
from rowmill.spec.values.types import ColumnType, TypeName

MOMENTS = frozenset({TypeName.DATE, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ})

# No delay of 64 random bits is so many means long.
_EXPONENTIAL_REACH = 50


def read_between(
    spec: BetweenSpec, column_type: ColumnType, path: Path, report: Report
) -> Kind | None:
    """A uniform date, time, timestamp or interval, in the units of the type."""
    start = _read(spec.start, column_type, (*path, "start"), report)
    end = _read(spec.end, column_type, (*path, "end"), report)
    unit = DAY if column_type.name is TypeName.DATE else 1
    step = spec.resolution
    if step is None:
        step = DAY if column_type.name is TypeName.DATE else SECOND
    fits = step != 0 and step % unit == 0
    if not fits:
        right = "whole days, such as 1d" if unit == DAY else "more than 0s"
        report.add((*path, "resolution"), f"is no step for {column_type}; use {right}")
    if start is None or end is None:
        return None
    if start > end:
        report.add(
            (*path, "start"),
            f"{shown(spec.start)} is after the end, {shown(spec.end)}; "
            "expected a start at or before the end",
        )
        return None
    return Between(start, end, step // unit) if fits else None


def read_after(
    spec: AfterSpec,
    source: ColumnDraft | None,
    via: str | None,
    column_type: ColumnType,
    path: Path,
    report: Report,
) -> Kind | None:
    """A delay after `source`, through the link `via` if that is a parent's column.

    None after a problem, and for a source that is not known.
    """
    known = source is not None and not source.doubtful("type")
    if source is not None and known and (source.type.array or source.type.name not in MOMENTS):
        known = False
        report.add(
            (*path, "column"),
            f"{shown(source.name)} is {source.type}; use a date, timestamp or timestamptz",
        )
    delays = _delays_fit(spec, path, report)
    end = None
    if spec.end is not None:
        end = _read(spec.end, column_type, (*path, "end"), report)
        if end is None:
            return None
        end *= DAY if column_type.name is TypeName.DATE else 1
    if not known or not delays:
        return None
    return After(spec.column, via, spec.mean, spec.min, spec.max, end)


def _delays_fit(spec: AfterSpec, path: Path, report: Report) -> bool:
    fits = True
    if spec.max is not None and spec.min > spec.max:
        fits = False
        report.add((*path, "min"), "is more than max; expected at most max")
    if spec.mean == 0:
        fits = False
        report.add((*path, "mean"), "is no delay; expected more than 0s")
    elif fits and (spec.mean < spec.min or (spec.max is not None and spec.mean > spec.max)):
        fits = False
        report.add((*path, "mean"), "is outside min to max; expected a mean between them")
    return fits


def check_ends(ordered: list[ColumnDraft], drafts: Drafts, report: Report) -> None:
    """Refuse every `after` that some value of its source leaves no room for.

    `ordered` has each column after its sources; times are microseconds since 1970-01-01.
    """
    latest: dict[int, int] = {}
    for column in ordered:
        array = isinstance(column.kind, Array)
        kind = column.kind.of if isinstance(column.kind, Array) else column.kind
        if isinstance(kind, After):
            source = latest.get(id(_source(column, kind.via, kind.column, drafts)))
            if source is not None:
                path = (*column.path, "generate", *(("array", "of") if array else ()), "after")
                latest[id(column)] = _check_end(kind, source, path, column, report)
        elif isinstance(kind, Parent | Reference):
            source = latest.get(id(_source(column, kind.via, kind.column, drafts)))
            if source is not None:
                latest[id(column)] = source
        elif column.type.name in MOMENTS and not column.type.array and kind is not None:
            unit = DAY if column.type.name is TypeName.DATE else 1
            latest[id(column)] = max(_moments(kind)) * unit


def _check_end(kind: After, source: int, path: Path, column: ColumnDraft, report: Report) -> int:
    """The latest result of an `after` whose source is at most `source`."""
    # All of a date's last day counts, for the result is rounded down to it.
    rest = DAY - 1 if column.type.name is TypeName.DATE else 0
    longest = kind.max if kind.max is not None else kind.mean * _EXPONENTIAL_REACH
    if kind.end is None:
        if source + longest > MAX_TIMESTAMP:
            report.add(path, "may pass the year 9999; use a `max` or an `end`")
        return min(source + longest, MAX_TIMESTAMP)
    if source + kind.min > kind.end + rest:
        report.add(
            (*path, "end"),
            f"leaves no room after the latest {shown(kind.column)}, "
            f"{format_timestamp(min(source, MAX_TIMESTAMP), zoned=False)}; "
            f"use a later end, or an earlier end of {shown(kind.column)}",
        )
    return min(source + longest, kind.end + rest)


def _source(column: ColumnDraft, via: str | None, name: str, drafts: Drafts) -> ColumnDraft:
    table = column.table
    if via is not None:
        table = drafts.by_name[table.links[via].parent]
    return table.columns[name]


def _moments(kind: Kind) -> list[int]:
    """The moments of a kind, or its latest one, in the type's units."""
    values: tuple[Literal, ...] = ()
    if isinstance(kind, Between):
        values = (kind.end,)
    elif isinstance(kind, Choice):
        values = kind.values
    elif isinstance(kind, Constant):
        values = (kind.value,)
    return [value for value in values if isinstance(value, int)]


def _read(text: str, column_type: ColumnType, path: Path, report: Report) -> int | None:
    """The moment in the type's units; of an interval, microseconds."""
    try:
        if column_type.name is TypeName.INTERVAL:
            return _read_duration(text)
        value = read_literal(text, column_type)
    except ValueError as error:
        report.attempt(path, error)
        return None
    assert isinstance(value, int)
    return value


def _read_duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} {error}") from None
