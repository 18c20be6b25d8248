"""Uniqueness of single columns: whether a kind can be unique, and whether it has values enough."""

from __future__ import annotations

from rowmill.counting import counted
from rowmill.spec.dataset import PickOneToOne, PickTree
from rowmill.spec.drafts import ColumnDraft, Draft, Drafts
from rowmill.spec.kind.base import REPEATS, UNCOUNTED, Kind
from rowmill.spec.kinds import ENTRIES, Reference, Template
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report
from rowmill.spec.rules.distinct import SureKeys, by_construction, kept_apart, unsettled
from rowmill.spec.rules.end_spaces import ends_in_spaces_of
from rowmill.spec.rules.texts import Texts
from rowmill.spec.values.types import ColumnType, TypeName


def unique_kinds(column_type: ColumnType | None = None) -> str:
    """The kinds of which a column, of this type or of some type, can be unique, with conditions."""
    *others, last = (
        f"{entry.key} ({entry.unique_if})" if entry.unique_if else entry.key
        for entry in ENTRIES
        if entry.can_be_unique and (column_type is None or entry.can_fill(column_type))
    )
    return f"{', '.join(others)} or {last}" if others else last


def check_uniqueness(drafts: Drafts, texts: Texts, sure: SureKeys, report: Report) -> None:
    """Refuse what cannot be unique, on the scaled rows; `sure` are the tables' settled keys."""
    for draft in drafts.tables:
        for column in draft.every:
            if column.wants_unique is not None and column.kind is not None:
                problem = _problem(column, column.kind, texts, drafts, sure)
                if problem is not None:
                    report.add(column.wants_unique, problem)
        _check_one_to_one(draft, drafts, report)


def _problem(
    column: ColumnDraft, kind: Kind, texts: Texts, drafts: Drafts, sure: SureKeys
) -> str | None:
    """Why the column cannot be unique; None if it can."""
    if by_construction(column):
        return None
    if isinstance(kind, Template):
        return _template_problem(column, texts, drafts, sure)
    name = shown(column.name)
    if isinstance(kind, Reference):
        return _reference_problem(column, kind)
    problem = kind.why_repeats(column.type)
    if problem is not None:
        return f"{name} {problem}"
    size = kind.domain(column.type, texts.data_version)
    if size is REPEATS:
        right = unique_kinds(column.type)
        return f"{_word(kind)} cannot be unique, its values repeat; use {right}"
    if size == UNCOUNTED:
        return f"{name} is a float without a grid of values; use `decimals`"
    rows = column.table.rows
    if rows is None or rows <= size:
        return None
    bound = f"{counted(size, 'value')}{kind.domain_note(texts.data_version)}"
    more = kind.more_values(rows, column.type, texts.data_version)
    return f"{name} has {bound} for {counted(rows, 'row')}; use {more}, or fewer rows"


def _template_problem(
    column: ColumnDraft, texts: Texts, drafts: Drafts, sure: SureKeys
) -> str | None:
    # That it is to be unique is what is to be shown.
    others = [key for key in sure[column.table] if key != {column.name}]
    if problem := _spaces_in_template(column, texts, drafts, others):
        return problem
    if kept_apart([column], drafts, texts, others) or unsettled([column], drafts, texts):
        return None
    return (
        f"{shown(column.name)} has no field that keeps it unique; use a unique "
        "column in it, unfiltered or padded, beside characters that its text cannot hold"
    )


def _reference_problem(column: ColumnDraft, kind: Reference) -> str | None:
    name = shown(column.name)
    if column.table.per_hidden:
        # As the link of `rowsPer` it may be unique.
        return None
    if isinstance(column.table.links[kind.via].pick, PickTree):
        return f"{name} is a tree's parent, which repeats; leave unique out"
    return f"{name} refers to parents that repeat; use `pick: {{oneToOne: {{}}}}`"


def _is_char(column: ColumnDraft) -> bool:
    return column.type.name is TypeName.CHAR and not column.type.array


def _spaces_in_template(
    column: ColumnDraft, texts: Texts, drafts: Drafts, keys: list[frozenset[str]]
) -> str | None:
    """Why a template of a char(n) repeats though its fields do not: its end is not compared."""
    ends = ends_in_spaces_of(column, drafts) if _is_char(column) else frozenset()
    if not ends or not kept_apart([column], drafts, texts, keys):
        return None
    if kept_apart([column], drafts, texts, [key for key in keys if not key & ends]):
        return None
    names = ", ".join(shown(name) for name in sorted(ends))
    return (
        f"{shown(column.name)} ends in {names}, with values that differ in spaces at the end "
        f"alone, which {column.type} does not compare; use text behind it, or varchar"
    )


def _check_one_to_one(draft: Draft, drafts: Drafts, report: Report) -> None:
    for link in draft.links.values():
        parents = drafts.by_name[link.parent].rows
        if draft.rows is None or parents is None:
            continue
        path: Path = draft.link_paths[link.name]
        if isinstance(link.pick, PickOneToOne) and draft.rows > parents:
            report.add(
                (*path, "pick", "oneToOne"),
                f"wants a parent for each of {counted(draft.rows, 'row')}, and "
                f"{shown(link.parent)} has {parents:,}; expected at most as many rows",
            )
        elif parents == 0 and draft.rows > 0 and link.parent != draft.name and link.nulls < 1:
            if any(draft.columns[name].doubtful("nulls") for name in link.columns):
                continue
            report.add(
                path,
                f"{shown(link.parent)} has no rows to refer to; add rows there, or none here",
            )


def _word(kind: Kind) -> str:
    return f"{'an' if kind.key[0] in 'aeiou' else 'a'} {kind.key}"
