"""How many rows each table has: scaled, or so many per parent, on exact decimals."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from rowmill.counting import counted
from rowmill.spec.drafts import Draft, Drafts
from rowmill.spec.manifest.experiment import RowsPerSpec
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report

MAX_ROWS = 10**12
# Powers of ten beyond these are no one's row counts, and exact arithmetic on them never ends.
_MAX_EXPONENT = 400
_MAX_DIGITS = 1000


def exact(number: Decimal) -> Fraction:
    """The number as a fraction.

    Raises:
        ValueError: it has so many digits that to compute with it exactly would take for ever.
    """
    if abs(number.adjusted()) > _MAX_EXPONENT or len(number.as_tuple().digits) > _MAX_DIGITS:
        raise ValueError("has too many digits; use a number of at most 400 digits")
    return Fraction(number)


def scaled_rows(rows: int, scale: Fraction) -> int:
    """`rows` x `scale`, half to even, at least 1 when `rows` is."""
    return max(round(rows * scale), min(rows, 1))


def children_rows(parents: int, mean: Fraction) -> int:
    """All children of `parents` rows: parents x mean, rounded half to even."""
    return round(parents * mean)


def count_rows(drafts: Drafts, scale: Decimal, report: Report) -> None:
    """Give every draft its `rows`, and its `mean` if it is a `rowsPer` table.

    They stay None where a problem hides them; each is reported.
    """
    factor = None
    if not report.doubts.about(("spec", "scale")):
        try:
            factor = exact(scale)
        except ValueError as error:
            report.attempt(("spec", "scale"), error)
    waiting: list[Draft] = []
    for draft in drafts.tables:
        spec = draft.spec
        if spec.rows is not None and spec.rows_per is None:
            rows = _rows(draft, spec.rows, factor)
            if rows is not None:
                _set_rows(draft, rows, (*draft.path, "rows"), report)
        elif spec.rows_per is not None:
            _check_mean(draft, spec.rows_per, report)
            if draft.parent is not None:
                waiting.append(draft)
    _count_children(waiting, report)


def _rows(draft: Draft, rows: int, factor: Fraction | None) -> int | None:
    """The scaled rows; None if it is not known what scales them."""
    if draft.doubtful("scales"):
        return None
    if not draft.spec.scales:
        return rows
    return None if factor is None else scaled_rows(rows, factor)


def _count_children(waiting: list[Draft], report: Report) -> None:
    children: dict[int, list[Draft]] = {}
    for draft in waiting:
        children.setdefault(id(draft.parent), []).append(draft)
    ready = [d for d in waiting if d.parent is not None and d.parent.spec.rows_per is None]
    done: set[int] = set()
    while ready:
        draft = ready.pop()
        done.add(id(draft))
        _count_one(draft, report)
        ready.extend(children.get(id(draft), ()))
    for draft in waiting:
        # Whatever hangs below a cycle, or below a table with a problem, waits for ever.
        if id(draft) not in done and (cycle := _cycle(draft)):
            done.update(map(id, cycle))
            names = " -> ".join(shown(d.name) for d in cycle)
            report.add(
                (*draft.path, "rowsPer", "table"),
                f"the tables {names} count their rows by each other; use `rows` for one of them",
            )


def _check_mean(draft: Draft, per: RowsPerSpec, report: Report) -> None:
    path = (*draft.path, "rowsPer")
    if not per.min <= per.max:
        report.add((*path, "min"), f"{per.min} is more than max, {per.max}; expected at most max")
    elif not per.min <= per.mean <= per.max:
        report.add(
            (*path, "mean"),
            f"a mean of {per.mean} is outside min to max, {per.min} to {per.max}; "
            "use a mean between them",
        )
    else:
        draft.mean = Fraction(per.mean)


def _count_one(draft: Draft, report: Report) -> None:
    parent = draft.parent
    if parent is None or parent.rows is None or draft.mean is None:
        return
    rows = children_rows(parent.rows, draft.mean)
    _set_rows(draft, rows, (*draft.path, "rowsPer", "mean"), report)


def _set_rows(draft: Draft, rows: int, path: Path, report: Report) -> None:
    if rows > MAX_ROWS:
        made = counted(rows, "row")
        report.add(path, f"makes {made}; expected at most {MAX_ROWS:,} in a table")
    else:
        draft.rows = rows


def _cycle(draft: Draft) -> list[Draft]:
    """The cycle of parents that the draft is part of, its first table again at the end."""
    chain, seen = [draft], {id(draft)}
    while (parent := chain[-1].parent) is not None:
        chain.append(parent)
        if parent is draft:
            return chain
        if id(parent) in seen:
            return []
        seen.add(id(parent))
    return []
