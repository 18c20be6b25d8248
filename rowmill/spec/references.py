"""References: columns and foreign keys become links, each with its parent and its pick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rowmill.counting import counted
from rowmill.near_names import near_name
from rowmill.spec.dataset import (
    Link,
    Pick,
    PickOneToOne,
    PickTree,
    PickUniform,
    PickZipf,
)
from rowmill.spec.drafts import ColumnDraft, Draft, Drafts, report_column
from rowmill.spec.manifest.experiment import ForeignKeySpec
from rowmill.spec.manifest.generators import PickSpec
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report, nearest
from rowmill.spec.values.types import TypeName, holds


def link_tables(drafts: Drafts, report: Report) -> None:
    """Give every draft its links."""
    for draft in drafts.tables:
        for column in draft.every:
            _link_column(draft, column, drafts, report)
        for i, key in enumerate(draft.spec.foreign_keys):
            if not draft.doubtful("foreignKeys", i):
                _link_key(draft, key, (*draft.path, "foreignKeys", i), drafts, report)


def find_link(draft: Draft, via: str) -> Link | None:
    """The link that `via` names: a reference column, or a foreign key's columns with commas."""
    if via in draft.links:
        return draft.links[via]
    return next((link for link in draft.links.values() if ", ".join(link.columns) == via), None)


def target_of(draft: Draft, via: str) -> str | None:
    """The table that the reference `via` names, be it sound or not; None if not just one does."""
    name = via.replace(", ", ",")
    tables = [table for link, table in targets_of(draft) if link in (via, name)]
    return tables[0] if len(tables) == 1 else None


def targets_of(draft: Draft) -> Iterator[tuple[str, str]]:
    """The names of all references that the manifest has, each with its table's, sound or not."""
    for column in draft.every:
        if column.spec.references is not None:
            yield column.name, column.spec.references.table
    for i, key in enumerate(draft.spec.foreign_keys):
        if not draft.doubtful("foreignKeys", i):
            yield ",".join(key.columns), key.references.table


def report_anywhere(table: str, name: str, path: Path, drafts: Drafts, report: Report) -> None:
    """Say that a misspelt table has no such column: none has, so neither has the one meant.

    Of a name that is like no table's nothing is said: the table itself may be missing.
    """
    tables = drafts.by_name
    meant = near_name(table, tables)
    hidden = drafts.open or any(draft.open for draft in drafts.tables)
    if meant is None or hidden or any(name in draft.columns for draft in drafts.tables):
        return
    report.add(path, f"no table has a column {shown(name)}; {nearest(name, tables[meant].columns)}")


def is_hidden_link(draft: Draft, via: str) -> bool:
    """Whether `via` may name a reference that has a problem of its own."""
    names = via.replace(", ", ",")
    return (
        draft.open
        or draft.links_hidden
        or any(c.link == names or (c.name == via and c.doubtful("references")) for c in draft.every)
    )


def _link_column(draft: Draft, column: ColumnDraft, drafts: Drafts, report: Report) -> None:
    target = column.spec.references
    if target is None:
        return
    path = (*column.path, "references")
    if column.spec.generate is not None:
        report.add(
            (*column.path, "generate"),
            "is beside `references`, which fills the column; use one of the two",
        )
    column.link = column.name
    parent = find_table(target.table, (*path, "table"), drafts, report)
    if parent is None:
        report_anywhere(target.table, target.column, (*path, "column"), drafts, report)
        return
    pick = _pick(draft, parent, target.pick, path, report)
    if not _targets_key(parent, (target.column,), (*path, "column"), report):
        return
    _check_types([column], [parent.columns[target.column]], path, report)
    if pick is not None and column.named:
        nulls = float(column.spec.nulls)
        link = Link(column.name, (column.name,), parent.name, (target.column,), pick, nulls)
        _add_link(draft, link, path, report)


def _link_key(
    draft: Draft, key: ForeignKeySpec, path: Path, drafts: Drafts, report: Report
) -> None:
    columns = _own_columns(draft, key, path, report)
    draft.link_lost |= columns is None
    if columns is not None:
        nulls = _common_nulls(columns, path, report)
    target = key.references
    there = (*path, "references", "columns")
    as_many = len(target.columns) == len(key.columns)
    if not as_many:
        report.add(
            there,
            f"has {counted(len(target.columns), 'column')} for {len(key.columns)}; "
            "expected as many",
        )
    parent = find_table(target.table, (*path, "references", "table"), drafts, report)
    if parent is None:
        for i, name in enumerate(target.columns):
            report_anywhere(target.table, name, (*there, i), drafts, report)
        return
    pick = _pick(draft, parent, key.pick, path, report)
    found = _targets_key(parent, target.columns, there, report)
    if columns is None or not found or not as_many:
        return
    _check_types(columns, [parent.columns[name] for name in target.columns], path, report)
    if pick is not None:
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
            report_column(draft, name, here, report)
        elif column in columns:
            report.add(here, f"names {shown(name)} twice; expected each column once")
        elif column.link is not None:
            report.add(
                here,
                f"{shown(name)} is part of another reference, and two parents picked apart would "
                "want two values in it; use one reference for each column",
            )
        else:
            columns.append(column)
    whole = len(columns) == len(key.columns)
    for column in columns:
        column.link = ",".join(key.columns)
        if column.spec.generate is not None:
            report.add(
                (*column.path, "generate"),
                "is beside the foreign key that fills the column; use one of the two",
            )
    return columns if whole else None


def find_table(name: str, path: Path, drafts: Drafts, report: Report) -> Draft | None:
    """The table of that name; None after saying that there is none, if all names are known."""
    if name not in drafts.by_name and not drafts.open:
        report.add(path, f"there is no table {shown(name)}; {nearest(name, drafts.by_name)}")
    return drafts.by_name.get(name)


def _targets_key(parent: Draft, columns: Sequence[str], path: Path, report: Report) -> bool:
    """Whether the columns exist and are a key of the parent; says so if not."""
    missing = [i for i, name in enumerate(columns) if name not in parent.columns]
    for i in missing:
        here = path if path[-1] == "column" else (*path, i)
        report_column(parent, columns[i], here, report)
    if missing:
        return False
    if len(set(columns)) == len(columns) and frozenset(columns) in parent.keys_as_sets:
        return True
    # A key with a problem of its own may be meant for this one.
    if all(parent.columns[name].uniqueness_known for name in columns):
        names = ", ".join(map(shown, columns))
        report.add(
            path,
            f"{names} is no key of {shown(parent.name)}; use its primary key or a unique key",
        )
    return False


def _check_types(
    columns: Sequence[ColumnDraft], targets: Sequence[ColumnDraft], path: Path, report: Report
) -> None:
    for column, target in zip(columns, targets, strict=True):
        if column.doubtful("type") or target.doubtful("type"):
            continue
        # Postgres pads char(n) before it compares, and takes no foreign key from one to text.
        padded = [t.name is TypeName.CHAR for t in (column.type, target.type)]
        if not holds(column.type, target.type) or padded[0] != padded[1]:
            report.add(
                path,
                f"{shown(column.name)} is {column.type}, {shown(target.name)} of "
                f"{shown(target.table.name)} is {target.type}; use {target.type}",
            )


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
            report.add(here, "a table's reference to itself is a tree; use tree: {}")
            return None
        return PickTree(value.roots if value is not None else 1)
    if member == "tree":
        report.add(
            here,
            f"is for a table's reference to itself, {shown(parent.name)} is another; "
            "use uniform, zipf or oneToOne",
        )
        return None
    if member == "zipf":
        return PickZipf(float(value.exponent))
    return PickOneToOne() if member == "oneToOne" else PickUniform()


def _common_nulls(columns: Sequence[ColumnDraft], path: Path, report: Report) -> float:
    shares = {column.spec.nulls for column in columns}
    if len(shares) > 1 and not any(column.doubtful("nulls") for column in columns):
        report.add(
            path,
            "its columns are null together but differ in `nulls`; use the same share on each",
        )
    return float(max(shares))


def _add_link(draft: Draft, link: Link, path: Path, report: Report) -> None:
    if link.name in draft.links:
        report.add(path, f"two references are called {shown(link.name)}; use other column names")
        return
    if isinstance(link.pick, PickTree) and link.nulls:
        report.add(
            path if len(link.columns) > 1 else (*path[:-1], "nulls"),
            "a tree's roots are its nulls; leave `nulls` out",
        )
    draft.links[link.name] = link
    draft.link_paths[link.name] = path
