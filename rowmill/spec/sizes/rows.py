"""What fits a page of Postgres: the rows of a table, and the entries of its keys and indexes.

A page has 8 KiB. Of a row too long for it Postgres compresses the long values or moves them out,
each for a pointer of 18 bytes; the rest must fit. An index moves nothing out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from rowmill.spec.drafts import ColumnDraft, Draft, Drafts
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report
from rowmill.spec.rules.column_graph import sources
from rowmill.spec.rules.texts import Texts
from rowmill.spec.shapes.content import FIXED, Content
from rowmill.spec.sizes.cells import CellSizes

# Postgres's MaxHeapTupleSize, and BTMaxItemSize of its B-trees of version 4 (12 and later).
ROW_ROOM, ENTRY_ROOM = 8160, 2704
_ROW_HEAD, _ENTRY_HEAD, _ENTRY_HEAD_NULLS = 23, 8, 16
_ALIGNED = 8
# A value is moved out or compressed only if it has more bytes, and is such a pointer then.
_LEFT_IN, _POINTER = 24, 18
# The length of a longer value is a word; up to so many bytes of content it is one byte, unaligned.
_LENGTH_ALIGNED, _SHORT = 4, 126
# Of a compressed value the head, the fewest bytes behind it, and what one of them may stand for.
_SQUEEZED_HEAD, _SQUEEZED, _SQUEEZE = 8, 4, 256


@dataclass(frozen=True)
class _Cell:
    """A cell that is not null: its fewest and its most bytes as stored, each with its alignment."""

    least: tuple[int, int]
    most: tuple[int, int]


@dataclass(frozen=True)
class _Sizes:
    """The contents of columns, and the columns of which they are not known.

    Of some of these the type is sure all the same: they are `typed`.
    """

    contents: CellSizes
    unknown: frozenset[ColumnDraft]
    typed: frozenset[ColumnDraft]


def check_sizes(
    ordered: Sequence[ColumnDraft], drafts: Drafts, texts: Texts, constraints: str, report: Report
) -> Iterator[tuple[Path, str]]:
    """Refuse rows and entries of which not even the least fits; yield those that may not fit.

    Args:
        ordered: all columns, each after those that it is computed from.
        drafts: the tables, resolved.
        texts: how long their texts are.
        constraints: which keys and indexes Postgres gets: all, keys or none.
        report: is told what is refused.
    """
    wrong = {path[:5] for path in (*report.doubts.paths, *(path for path, _ in report.found))}
    unknown = _unknown(ordered, drafts, wrong)
    known = [column for column in ordered if column not in unknown]
    typed = frozenset(each for each in unknown if each.path not in wrong and _is_inferred(each))
    sizes = _Sizes(CellSizes(known, drafts, texts), unknown, typed)
    for draft in drafts.tables:
        # Of a table without rows every index is empty.
        if not draft.rows:
            continue
        yield from _check_row(draft, list(draft.columns.values()), sizes, report)
        for names, path in _entries(draft, constraints):
            if all(name in draft.columns for name in names):
                keyed = [draft.columns[name] for name in names]
                yield from _check_entry(keyed, path, sizes, report)


def _unknown(
    ordered: Sequence[ColumnDraft], drafts: Drafts, wrong: Set[Path]
) -> frozenset[ColumnDraft]:
    """The columns with a problem or without a kind, and those that are computed from them."""
    unknown: set[ColumnDraft] = set()
    for column in ordered:
        below = any(source in unknown for source in sources(column, drafts))
        if below or column.kind is None or column.path in wrong:
            unknown.add(column)
    return frozenset(unknown)


def _is_inferred(column: ColumnDraft) -> bool:
    """Whether its cells follow from its type and its keys, so that no other column's are read."""
    spec, table = column.spec, column.table
    linked = table.links_hidden or any(column.name in k.columns for k in table.spec.foreign_keys)
    return spec.generate is None and spec.references is None and not linked


def _check_row(
    draft: Draft, columns: Sequence[ColumnDraft], sizes: _Sizes, report: Report
) -> Iterator[tuple[Path, str]]:
    cells = [(column, _in_row(column, sizes)) for column in columns]
    least, most = _spans(cells, _row_head)
    path = (*draft.path, "columns")
    if least > ROW_ROOM:
        report.add(
            path,
            f"a row has at least {least:,} bytes in Postgres, more than the {ROW_ROOM:,} of a "
            "page, with every long value moved out of it; use several tables, or "
            "fewer columns",
        )
    elif most > ROW_ROOM:
        yield (
            path,
            f"a row may have {most:,} bytes in Postgres, more than the {ROW_ROOM:,} of a page, "
            "with every long value moved out of it, and then the run fails; give it fewer columns, "
            "or several tables",
        )


def _check_entry(
    columns: Sequence[ColumnDraft], path: Path, sizes: _Sizes, report: Report
) -> Iterator[tuple[Path, str]]:
    cells = [(column, _in_entry(column, sizes)) for column in columns]
    least, most = _spans(cells, _entry_head)
    if least > ENTRY_ROOM:
        widest = max(cells, key=lambda cell: cell[1].least[0])
        report.add(
            path,
            f"an entry has at least {least:,} bytes, more than the {ENTRY_ROOM:,} that an index "
            f"of Postgres holds{_of(columns, widest[0], widest[1].least[0])}; use "
            "shorter values, or a key or index without it",
        )
    elif most > ENTRY_ROOM:
        widest = max(cells, key=lambda cell: cell[1].most[0])
        yield (
            path,
            f"an entry may have {most:,} bytes, more than the {ENTRY_ROOM:,} that an index of "
            f"Postgres holds{_of(columns, widest[0], widest[1].most[0])}, and then the run fails "
            "once its rows are loaded; give shorter values, or a key or index without it",
        )


def _of(columns: Sequence[ColumnDraft], widest: ColumnDraft, size: int) -> str:
    return f", {size:,} of them for {shown(widest.name)}" if len(columns) > 1 else ""


def _entries(draft: Draft, constraints: str) -> Iterator[tuple[tuple[str, ...], Path]]:
    """The columns of every key and index that Postgres gets, with its path."""
    if constraints == "none":
        return
    yield from draft.all_keys()
    for column in draft.columns.values():
        if column.spec.unique:
            yield (column.name,), (*column.path, "unique")
    if constraints == "all":
        for i, index in enumerate(draft.spec.indexes):
            yield index, (*draft.path, "indexes", i)


def _in_row(column: ColumnDraft, sizes: _Sizes) -> _Cell:
    """What stays in a row that is too long: Postgres then moves out all it can."""
    fixed = _fixed(column, sizes)
    if fixed is not None:
        return fixed
    content = sizes.contents.of(column)
    least = 1 + content.least
    if not _may_leave(content):
        return _Cell((least, 1), (1 + (content.most or 0), 1))
    # Of two values the longer one may be stored in fewer bytes.
    least = min(least, _POINTER, _squeezed(content))
    # As it is, or compressed to no more; what does neither is a pointer.
    if content.least >= _LEFT_IN and _squeezed(content) > _LEFT_IN:
        return _Cell((least, 1), (_POINTER, 1))
    return _Cell((least, 1), (_LEFT_IN, _LENGTH_ALIGNED))


def _in_entry(column: ColumnDraft, sizes: _Sizes) -> _Cell:
    fixed = _fixed(column, sizes)
    if fixed is not None:
        return fixed
    content = sizes.contents.of(column)
    least = _plain(content.least)
    if _may_leave(content) and content.kept < content.least:
        least = min(least, (_squeezed(content), 1))
    return _Cell(least, _plain(content.least if content.most is None else content.most))


def _may_leave(content: Content) -> bool:
    """Whether a value may be moved out or compressed: shorter ones never are."""
    return content.most is None or 1 + content.most > _LEFT_IN


def _fixed(column: ColumnDraft, sizes: _Sizes) -> _Cell | None:
    size = None if column.type.array else FIXED.get(column.type.name)
    if column in sizes.unknown and (size is None or column not in sizes.typed):
        # Mended it may be as small as can be.
        return _Cell((0, 1), (0, 1))
    return None if size is None else _Cell(size, size)


def _plain(content: int) -> tuple[int, int]:
    """Bytes and alignment of a value that is not compressed."""
    return (content + 1, 1) if content <= _SHORT else (content + 4, _LENGTH_ALIGNED)


def _squeezed(content: Content) -> int:
    return _SQUEEZED_HEAD + max(content.kept, content.least // _SQUEEZE, _SQUEEZED)


def _row_head(columns: int, nulls: bool) -> int:
    return _up(_ROW_HEAD + (-(-columns // 8) if nulls else 0), _ALIGNED)


def _entry_head(_: int, nulls: bool) -> int:
    return _ENTRY_HEAD_NULLS if nulls else _ENTRY_HEAD


def _spans(
    cells: Sequence[tuple[ColumnDraft, _Cell]], head: Callable[[int, bool], int]
) -> tuple[int, int]:
    """The fewest and the most bytes of a row or an entry.

    Adding and aligning keep the order of sizes, so the least of each part makes the least whole.
    A map of nulls is there only with a null.
    """
    some = any(column.nullable for column, _ in cells)
    full = [cell.least for _, cell in cells]
    least = _walk(head(len(cells), False), full)
    if some:
        there = [cell.least for column, cell in cells if not column.nullable]
        least = min(least, _walk(head(len(cells), True), there))
    return least, _walk(head(len(cells), some), [cell.most for _, cell in cells])


def _walk(start: int, parts: Sequence[tuple[int, int]]) -> int:
    place = start
    for size, alignment in parts:
        place = _up(place, alignment) + size
    return _up(place, _ALIGNED)


def _up(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
