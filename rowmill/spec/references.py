"""References: columns and foreign keys become links, each with its parent and its pick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rowmill.spec.dataset import (
    Link,
    Pick,
    PickChildren,
    PickOneToOne,
    PickTree,
    PickUniform,
    PickZipf,
)
from rowmill.spec.drafts import ColumnDraft, Draft, Drafts
from rowmill.spec.manifest import ForeignKeySpec
from rowmill.spec.manifest_kinds import PickSpec
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report, nearest
from rowmill.spec.types import STRINGS, ColumnType, TypeName


def link_tables(drafts: Drafts, report: Report) -> None:
    """Give every draft its links and, if it has `rowsPer`, its parent."""
    for draft in drafts.tables:
        for column in draft.columns.values():
            _link_column(draft, column, drafts, report)
        for i, key in enumerate(draft.spec.foreign_keys):
            _link_key(draft, key, (*draft.path, "foreignKeys", i), drafts, report)
        _link_parent(draft, drafts, report)


def find_link(draft: Draft, via: str) -> Link | None:
    """The link that `via` names: a reference column, or a foreign key's columns with commas."""
    if via in draft.links:
        return draft.links[via]
    return next((link for link in draft.links.values() if ", ".join(link.columns) == via), None)


def holds(column: ColumnType, source: ColumnType) -> bool:
    """Whether every value of a column of the type `source` is one of the type `column` as it is."""
    if column == source:
        return True
    if column.array or source.array or not {column.name, source.name} <= STRINGS:
        return False
    return column.length is None or (source.length is not None and source.length <= column.length)


def _link_column(draft: Draft, column: ColumnDraft, drafts: Drafts, report: Report) -> None:
    target = column.spec.references
    if target is None:
        return
    path = (*column.path, "references")
    if column.spec.generate is not None:
        report.add(
            (*column.path, "generate"),
            "is beside `references`, which fills the column; right would be one of the two",
        )
    column.link = column.name
    parent = _find_table(target.table, (*path, "table"), drafts, report)
    if parent is None:
        return
    if not _targets_key(parent, (target.column,), (*path, "column"), report):
        return
    if not _types_match([column], [parent.columns[target.column]], path, report):
        return
    pick = _pick(draft, parent, target.pick, path, report)
    if pick is not None:
        nulls = float(column.spec.nulls)
        link = Link(column.name, (column.name,), parent.name, (target.column,), pick, nulls)
        _add_link(draft, link, path, report)


def _link_key(
    draft: Draft, key: ForeignKeySpec, path: Path, drafts: Drafts, report: Report
) -> None:
    columns = _own_columns(draft, key, path, report)
    target = key.references
    parent = _find_table(target.table, (*path, "references", "table"), drafts, report)
    if columns is None or parent is None:
        return
    if len(target.columns) != len(columns):
        report.add(
            (*path, "references", "columns"),
            f"has {len(target.columns)} columns for {len(columns)}; right would be as many",
        )
        return
    if not _targets_key(parent, target.columns, (*path, "references", "columns"), report):
        return
    targets = [parent.columns[name] for name in target.columns]
    pick = _pick(draft, parent, key.pick, path, report)
    if _types_match(columns, targets, path, report) and pick is not None:
        nulls = _common_nulls(columns, path, report)
        name = ",".join(key.columns)
        link = Link(name, tuple(key.columns), parent.name, tuple(target.columns), pick, nulls)
        _add_link(draft, link, path, report)


def _own_columns(
    draft: Draft, key: ForeignKeySpec, path: Path, report: Report
) -> list[ColumnDraft] | None:
    """The columns of a foreign key, which this alone fills; None after a problem."""
    columns: list[ColumnDraft] = []
    for i, name in enumerate(key.columns):
        here, column = (*path, "columns", i), draft.columns.get(name)
        if column is None:
            report.add(
                here,
                f"table {shown(draft.name)} has no column {shown(name)}; "
                f"{nearest(name, draft.columns)}",
            )
        elif column in columns:
            report.add(here, f"names {shown(name)} twice; right would be each column once")
        elif column.link is not None:
            report.add(
                here,
                f"{shown(name)} is part of another reference, and two parents picked apart would "
                "want two values in it; right would be one reference for each column",
            )
        else:
            columns.append(column)
    whole = len(columns) == len(key.columns)
    for column in columns:
        column.link = ",".join(key.columns)
        if column.spec.generate is not None:
            report.add(
                (*column.path, "generate"),
                "is beside the foreign key that fills the column; right would be one of the two",
            )
    return columns if whole else None


def _find_table(name: str, path: Path, drafts: Drafts, report: Report) -> Draft | None:
    if name not in drafts.by_name:
        report.add(path, f"there is no table {shown(name)}; {nearest(name, drafts.by_name)}")
    return drafts.by_name.get(name)


def _targets_key(parent: Draft, columns: Sequence[str], path: Path, report: Report) -> bool:
    """Whether the columns exist and are a key of the parent; says so if not."""
    for i, name in enumerate(columns):
        if name not in parent.columns:
            here = path if path[-1] == "column" else (*path, i)
            report.add(
                here,
                f"table {shown(parent.name)} has no column {shown(name)}; "
                f"{nearest(name, parent.columns)}",
            )
            return False
    if len(set(columns)) != len(columns) or frozenset(columns) not in parent.keys_as_sets:
        names = ", ".join(map(shown, columns))
        report.add(
            path,
            f"{names} is no key of {shown(parent.name)}; right would be its primary key or "
            "a unique key",
        )
        return False
    return True


def _types_match(
    columns: Sequence[ColumnDraft], targets: Sequence[ColumnDraft], path: Path, report: Report
) -> bool:
    matching = True
    for column, target in zip(columns, targets, strict=True):
        # Postgres pads char(n) before it compares, and takes no foreign key from one to text.
        padded = [t.name is TypeName.CHAR for t in (column.type, target.type)]
        if not holds(column.type, target.type) or padded[0] != padded[1]:
            matching = False
            report.add(
                path,
                f"{shown(column.name)} is {column.type}, {shown(target.name)} of "
                f"{shown(target.table.name)} is {target.type}; right would be {target.type}",
            )
    return matching


def _pick(
    draft: Draft, parent: Draft, spec: PickSpec | None, path: Path, report: Report
) -> Pick | None:
    member: str = ""
    value: Any = None
    if spec is not None:
        member, value = spec.member
    here = (*path, "pick", *([member] if member else []))
    if draft is parent:
        if member not in ("", "tree"):
            report.add(here, "a table's reference to itself is a tree; right would be tree: {}")
            return None
        return PickTree(value.roots if value is not None else 1)
    if member == "tree":
        report.add(
            here,
            f"is for a table's reference to itself, {shown(parent.name)} is another; "
            "right would be uniform, zipf or oneToOne",
        )
        return None
    if member == "zipf":
        return PickZipf(float(value.exponent))
    return PickOneToOne() if member == "oneToOne" else PickUniform()


def _common_nulls(columns: Sequence[ColumnDraft], path: Path, report: Report) -> float:
    shares = {column.spec.nulls for column in columns}
    if len(shares) > 1:
        report.add(
            path,
            "its columns are null together but differ in `nulls`; "
            "right would be the same share on each",
        )
    return float(max(shares))


def _add_link(draft: Draft, link: Link, path: Path, report: Report) -> None:
    if link.name in draft.links:
        report.add(
            path, f"two references are called {shown(link.name)}; right would be other column names"
        )
        return
    if isinstance(link.pick, PickTree) and link.nulls:
        report.add(
            path if len(link.columns) > 1 else (*path[:-1], "nulls"),
            "a tree's roots are its nulls; right would be to leave `nulls` out",
        )
    draft.links[link.name] = link
    draft.link_paths[link.name] = path


def _link_parent(draft: Draft, drafts: Drafts, report: Report) -> None:
    per, path = draft.spec.rows_per, (*draft.path, "rowsPer")
    if per is None:
        return
    parent = _find_table(per.table, (*path, "table"), drafts, report)
    link = _per_link(draft, parent, path, report) if parent is not None else None
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


def _per_link(draft: Draft, parent: Draft, path: Path, report: Report) -> Link | None:
    per = draft.spec.rows_per
    candidates = [link for link in draft.links.values() if link.parent == parent.name]
    names = ", ".join(shown(link.name) for link in candidates)
    if per is not None and per.via is not None:
        link = find_link(draft, per.via)
        if link is None or link.parent != parent.name:
            report.add(
                (*path, "via"),
                f"{shown(per.via)} is no reference to {shown(parent.name)}; "
                + (f"right would be {names}" if names else "there is none in this table"),
            )
            return None
        return link
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        report.add(
            path,
            f"{len(candidates)} references lead to {shown(parent.name)}: {names}; "
            "right would be `via` with one of them",
        )
    elif not _hidden(draft, parent):
        report.add(
            (*path, "table"),
            f"no column refers to {shown(parent.name)}; right would be a column with `references`",
        )
    return None


def _hidden(draft: Draft, parent: Draft) -> bool:
    """Whether a reference to the parent is there but has a problem of its own."""
    return any(
        c.spec.references is not None and c.spec.references.table == parent.name
        for c in draft.columns.values()
    ) or any(key.references.table == parent.name for key in draft.spec.foreign_keys)


def _check_per_link(draft: Draft, link: Link, report: Report) -> None:
    path = draft.link_paths[link.name]
    column = draft.columns[link.columns[0]]
    references = column.spec.references
    keys = [k for k in draft.spec.foreign_keys if ",".join(k.columns) == link.name]
    given = references.pick if references is not None else keys[0].pick
    if given is not None:
        report.add(
            (*path, "pick"),
            "is on the link of `rowsPer`, which gives each row its parent; "
            "right would be to leave it out",
        )
    for name in link.columns:
        column = draft.columns[name]
        if column.spec.nulls:
            report.add(
                (*column.path, "nulls"),
                "is on the link of `rowsPer`, where every row has a parent; "
                "right would be to leave it out",
            )
