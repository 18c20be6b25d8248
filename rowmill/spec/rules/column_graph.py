"""The graph of columns: which cells are computed from which, its cycles, and where nulls flow."""

from __future__ import annotations

from collections.abc import Iterator

from rowmill.spec.dataset import Link, PickTree
from rowmill.spec.drafts import ColumnDraft, Drafts, source_column
from rowmill.spec.paths import shown
from rowmill.spec.report import Report


def order_columns(drafts: Drafts, report: Report) -> list[ColumnDraft]:
    """All columns, each after those that it is computed from; those in a cycle lose their kinds.

    A depth-first search without recursion: a chain may be as long as the manifest.
    """
    ordered: list[ColumnDraft] = []
    done: set[int] = set()
    cycles: list[list[ColumnDraft]] = []
    for draft in drafts.tables:
        for column in draft.every:
            if id(column) not in done:
                cycles += _visit(column, drafts, ordered, done)
    for cycle in cycles:
        _report_cycle(cycle, report)
        for column in cycle:
            column.kind = None
    return ordered


def sources(column: ColumnDraft, drafts: Drafts) -> list[ColumnDraft]:
    """The columns that a column is computed from."""
    return [source for source, _ in _sources(column, drafts)]


def spread_nulls(ordered: list[ColumnDraft], drafts: Drafts, report: Report) -> None:
    """Say of every column whether its cells can be null, and refuse nulls where none may be."""
    for column in ordered:
        origins = list(_sources(column, drafts))
        computed = any(
            source.nullable or (link is not None and _has_nulls(link)) for source, link in origins
        )
        column.nullable = column.spec.nulls > 0 or computed
        if computed and column.type.array and column.kind and column.kind.inner_kinds(column.type):
            names = ", ".join(shown(source.name) for source, _ in origins)
            report.add(
                (*column.path, "generate"),
                f"its elements come from {names}, which can be null, and an element cannot; "
                "use a column without nulls",
            )
    for draft in drafts.tables:
        for name in draft.spec.primary_key or ():
            key_column = draft.columns.get(name)
            if key_column is not None and key_column.nullable:
                _refuse_null_key(key_column, report)
        for link in draft.links.values():
            parent = drafts.by_name[link.parent]
            for name in link.parent_columns:
                if parent.columns[name].nullable and name not in (parent.spec.primary_key or ()):
                    report.add(
                        draft.link_paths[link.name],
                        f"{shown(name)} of {shown(parent.name)} can be null, and a reference "
                        "must hit; use a key without nulls",
                    )


def _visit(
    start: ColumnDraft,
    drafts: Drafts,
    ordered: list[ColumnDraft],
    done: set[int],
) -> list[list[ColumnDraft]]:
    """Put a column and all that it is computed from in order; returns the cycles met."""
    cycles: list[list[ColumnDraft]] = []
    trail = [start]
    open_now = {id(start)}
    waiting: list[Iterator[ColumnDraft]] = [iter(sources(start, drafts))]
    while trail:
        following = next(waiting[-1], None)
        if following is None:
            column = trail.pop()
            waiting.pop()
            open_now.discard(id(column))
            done.add(id(column))
            ordered.append(column)
        elif id(following) in open_now:
            cycles.append(trail[_index(trail, following) :])
        elif id(following) not in done:
            trail.append(following)
            open_now.add(id(following))
            waiting.append(iter(sources(following, drafts)))
    return cycles


def _index(trail: list[ColumnDraft], column: ColumnDraft) -> int:
    return next(i for i, other in enumerate(trail) if other is column)


def _report_cycle(cycle: list[ColumnDraft], report: Report) -> None:
    first = min(range(len(cycle)), key=lambda i: (cycle[i].table.path[2], cycle[i].path[4]))
    turned = cycle[first:] + cycle[: first + 1]
    names = " -> ".join(f"{shown(c.table.name)}.{shown(c.name)}" for c in turned)
    member = "references" if turned[0].link is not None else "generate"
    report.add(
        (*turned[0].path, member),
        f"is computed from itself: {names}; break the cycle",
    )


def _sources(column: ColumnDraft, drafts: Drafts) -> Iterator[tuple[ColumnDraft, Link | None]]:
    """The columns that a column is computed from, each with the link that it is read through."""
    for source in column.kind.sources() if column.kind is not None else ():
        link = None if source.via is None else column.table.links[source.via]
        yield source_column(column, source, drafts), link


def _has_nulls(link: Link) -> bool:
    return link.nulls > 0 or isinstance(link.pick, PickTree)


def _refuse_null_key(column: ColumnDraft, report: Report) -> None:
    own = column.spec.nulls > 0
    if own and report.has((*column.path, "nulls")):
        # To mend that mends this.
        return
    report.add(
        (*column.path, "nulls") if own else (*column.table.path, "primaryKey"),
        "is on a column of the primary key, which has no nulls; leave it out"
        if own
        else f"{shown(column.name)} can be null, for it is computed from what can be; "
        "use a key without nulls",
    )
