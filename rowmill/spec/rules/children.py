"""The link of `rowsPer`: which reference gives each row its parent."""

from __future__ import annotations

from collections.abc import Iterable

from rowmill.counting import counted
from rowmill.spec.dataset import Link, PickChildren, PickTree
from rowmill.spec.drafts import Draft, Drafts
from rowmill.spec.paths import Path, shown
from rowmill.spec.references import find_link, find_table, is_hidden_link, targets_of
from rowmill.spec.report import Report, nearest


def choose_parents(drafts: Drafts, report: Report) -> None:
    """Give every draft with `rowsPer` its parent, of the links that it has."""
    for draft in drafts.tables:
        _choose(draft, drafts, report)


def _choose(draft: Draft, drafts: Drafts, report: Report) -> None:
    per, path = draft.spec.rows_per, (*draft.path, "rowsPer")
    if per is None:
        return
    parent = find_table(per.table, (*path, "table"), drafts, report)
    if parent is None and per.via is not None and find_link(draft, per.via) is None:
        _refuse_via(draft, per.via, path, report)
    link = None if parent is None else _per_link(draft, parent, drafts, path, report)
    if parent is None or link is None:
        return
    if isinstance(link.pick, PickTree):
        report.add((*path, "table"), "a table has no rows per row of its own; use `rows`")
        return
    _check_per_link(draft, link, report)
    draft.parent, draft.per_link = parent, link.name
    draft.links[link.name] = Link(
        link.name, link.columns, link.parent, link.parent_columns, PickChildren(), 0.0
    )


def _per_link(
    draft: Draft, parent: Draft, drafts: Drafts, path: Path, report: Report
) -> Link | None:
    per = draft.spec.rows_per
    assert per is not None
    targets = dict(targets_of(draft))
    candidates = [name for name, table in targets.items() if table == parent.name]
    names = ", ".join(map(shown, candidates))
    if per.via is not None:
        link = find_link(draft, per.via)
        if link is not None and link.parent == parent.name:
            return link
        if link is not None or not is_hidden_link(draft, per.via):
            report.add(
                (*path, "via"),
                f"{shown(per.via)} is no reference to {shown(parent.name)}; "
                + (f"use {names}" if names else "there is none in this table"),
            )
        return None
    if len(candidates) > 1:
        report.add(
            path,
            f"{counted(len(candidates), 'reference')} lead to {shown(parent.name)}: {names}; "
            "use `via` with one of them",
        )
        return None
    if _may_have_others(draft, targets.values(), drafts):
        return None
    if candidates:
        return draft.links.get(candidates[0])
    report.add(
        (*path, "table"),
        f"no column refers to {shown(parent.name)}; use a column with `references`",
    )
    return None


def _may_have_others(draft: Draft, tables: Iterable[str], drafts: Drafts) -> bool:
    """Whether some reference may lead to yet another table, once it is mended."""
    return (
        draft.links_hidden
        or any(column.doubtful("references") for column in draft.every)
        or any(table not in drafts.by_name for table in tables)
    )


def _refuse_via(draft: Draft, via: str, path: Path, report: Report) -> None:
    """Say that `via` is no reference to any table, unless it may name one with a problem."""
    if not is_hidden_link(draft, via):
        names = [name for name, _ in targets_of(draft)]
        report.add(
            (*path, "via"),
            f"{shown(via)} is no reference of {shown(draft.name)}; {nearest(via, names)}",
        )


def _check_per_link(draft: Draft, link: Link, report: Report) -> None:
    path = draft.link_paths[link.name]
    column = draft.columns[link.columns[0]]
    references = column.spec.references
    keys = [k for k in draft.spec.foreign_keys if ",".join(k.columns) == link.name]
    given = references.pick if references is not None else keys[0].pick
    if given is not None:
        report.add(
            (*path, "pick"),
            "is on the link of `rowsPer`, which gives each row its parent; leave it out",
        )
    for name in link.columns:
        column = draft.columns[name]
        if column.spec.nulls:
            report.add(
                (*column.path, "nulls"),
                "is on the link of `rowsPer`, where every row has a parent; leave it out",
            )
