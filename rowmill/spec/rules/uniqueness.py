"""Uniqueness of single columns: whether a kind can be unique, and whether it has values enough."""

from __future__ import annotations

from fractions import Fraction

from rowmill.counting import counted
from rowmill.spec.bounds import integer_limits
from rowmill.spec.dataset import PickOneToOne, PickTree
from rowmill.spec.drafts import ColumnDraft, Draft, Drafts
from rowmill.spec.faker.providers import MAX_POOL, count_values
from rowmill.spec.kind import (
    Between,
    Boolean,
    Choice,
    Faker,
    Kind,
    Pattern,
    Reference,
    Sequence,
    Template,
    Uniform,
)
from rowmill.spec.kinds.texts import Texts
from rowmill.spec.paths import Path, shown
from rowmill.spec.patterns.automaton import count_strings
from rowmill.spec.report import Report
from rowmill.spec.rules.distinct import SureKeys, by_construction, kept_apart, unsettled
from rowmill.spec.rules.equality import compared, differs_in_end_spaces, ends_in_spaces_of
from rowmill.spec.values.types import INTEGERS, ColumnType, TypeName

# Fields of a person that repeat however many persons there are.
_SHARED_BY_PERSONS = frozenset({"first_name", "last_name", "prefix", "gender", "sex"})
_RIGHT = (
    "use sequence, uuid, integer, number, between, pattern, faker, choice without "
    "weights, or a template with a unique column"
)


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
    name = shown(column.name)
    if isinstance(kind, Reference) and column.table.per_hidden:
        # As the link of `rowsPer` it may be unique.
        return None
    if isinstance(kind, Reference) and isinstance(column.table.links[kind.via].pick, PickTree):
        return f"{name} is a tree's parent, which repeats; leave unique out"
    if isinstance(kind, Reference):
        return f"{name} refers to parents that repeat; use `pick: {{oneToOne: {{}}}}`"
    if isinstance(kind, Sequence):
        return f"{name} is a sequence of step 0; use another step"
    if isinstance(kind, Choice) and kind.weights is not None:
        return f"{name} is a weighted choice, which repeats; leave weights out"
    if isinstance(kind, Choice) and (twice := _twice(column, kind)) is not None:
        return twice
    if isinstance(kind, Pattern) and _is_char(column) and differs_in_end_spaces(kind.pattern):
        return (
            f"{name} has values that differ in spaces at the end alone, which {column.type} does "
            "not compare; use a pattern without them, or varchar"
        )
    if isinstance(kind, Boolean) and kind.probability != 0.5:
        return f"{name} has a probability, and unique takes each value once; leave it out"
    if isinstance(kind, Faker) and kind.provider in _SHARED_BY_PERSONS:
        return f"{name} is what many persons share; use user_name, email or a template"
    there = _there(kind, texts.data_version)
    size = _pool_size(kind, there) if isinstance(kind, Faker) else domain_size(column, kind)
    if size is None:
        return f"{_word(kind)} cannot be unique, its values repeat; {_RIGHT}"
    if size == 0:
        return f"{name} is a float without a grid of values; use `decimals`"
    rows = column.table.rows
    if rows is None or rows <= size:
        return None
    has = f"{name} has {counted(size, 'value')}{_where(kind, there)} for {counted(rows, 'row')}"
    return f"{has}; use {_more(column, kind, rows, there)}, or fewer rows"


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


def _twice(column: ColumnDraft, kind: Choice) -> str | None:
    """Why a choice repeats a value; None if it has each once, as Postgres compares them."""
    if len(set(kind.values)) < len(kind.values):
        return f"{shown(column.name)} has a value twice in its choice; expected each value once"
    if len({compared(value, column.type) for value in kind.values}) < len(kind.values):
        return (
            f"{shown(column.name)} has a value twice in its choice, for jsonb compares numbers by "
            "value, 1 and 1.0 alike; expected each once"
        )
    return None


def domain_size(column: ColumnDraft, kind: Kind) -> int | None:
    """How many values a kind permutes when it is unique; None if it cannot be, or is Faker's.

    0 for floats without `decimals`, whose values are not counted.
    """
    if isinstance(kind, Uniform):
        decimals = 0 if column.type.name in INTEGERS else kind.decimals
        if decimals is None:
            return 0
        low, high = (Fraction(str(bound)) for bound in (kind.min, kind.max))
        return int((high - low) * 10**decimals) + 1
    if isinstance(kind, Choice):
        return len(kind.values)
    if isinstance(kind, Between):
        return (kind.end - kind.start) // kind.resolution + 1
    if isinstance(kind, Boolean):
        return 2
    if isinstance(kind, Pattern):
        return count_strings(kind.pattern)
    return None


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


def _there(kind: Kind, data_version: int) -> int | None:
    """How many values the provider has; None: as many as any pool, nobody knows, or no provider."""
    if not isinstance(kind, Faker) or kind.args:
        return None
    return count_values(kind.provider, kind.locale, data_version)


def _pool_size(kind: Faker, there: int | None) -> int:
    return kind.pool if there is None else min(kind.pool, there)


def _where(kind: Kind, there: int | None) -> str:
    """What bounds the values, where it is not what the manifest says."""
    if not isinstance(kind, Faker) or there is None or there > kind.pool:
        return ""
    return f", all that the provider {shown(kind.provider)} gives in {kind.locale},"


def _more(column: ColumnDraft, kind: Kind, rows: int, there: int | None) -> str:
    """What would give more values; never what cannot help."""
    if isinstance(kind, Faker):
        enough = rows <= (MAX_POOL if there is None else there)
        return "a larger pool" if enough else "a template with a unique column"
    if isinstance(kind, Boolean):
        return "another type"
    if isinstance(kind, Uniform | Between):
        narrow = column.type.name in INTEGERS and rows > _span(column.type)
        return "a wider type" if narrow else "a wider range or a finer step"
    return "a longer pattern" if isinstance(kind, Pattern) else "more values"


def _span(column_type: ColumnType) -> int:
    low, high = integer_limits(column_type)
    return high - low + 1
