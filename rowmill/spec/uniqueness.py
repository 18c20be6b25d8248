"""Uniqueness of single columns: whether a kind can be unique, and whether it has values enough."""

from __future__ import annotations

from fractions import Fraction

from rowmill.spec.dataset import PickChildren, PickOneToOne, PickTree
from rowmill.spec.drafts import ColumnDraft, Draft, Drafts
from rowmill.spec.kinds import (
    Between,
    Boolean,
    Choice,
    Faker,
    Field,
    Kind,
    Pattern,
    Reference,
    Sequence,
    Template,
    Uniform,
    Uuid,
)
from rowmill.spec.paths import Path, shown
from rowmill.spec.patterns import count_strings
from rowmill.spec.report import Report
from rowmill.spec.texts import Text, Texts
from rowmill.spec.types import INTEGERS

# Fields of a person that repeat however many persons there are.
_SHARED_BY_PERSONS = frozenset({"first_name", "last_name", "prefix", "gender", "sex"})
_RIGHT = (
    "right would be sequence, uuid, integer, number, between, pattern, faker, choice without "
    "weights, or a template with a unique column"
)


def is_unique(column: ColumnDraft) -> bool:
    """Whether a column's values never repeat, by demand or by construction."""
    return column.wants_unique is not None or _by_construction(column)


def check_uniqueness(drafts: Drafts, texts: Texts, report: Report) -> None:
    """Refuse what cannot be unique, on the scaled rows."""
    for draft in drafts.tables:
        for column in draft.columns.values():
            if column.wants_unique is not None and column.kind is not None:
                problem = _problem(column, column.kind, texts, drafts)
                if problem is not None:
                    report.add(column.wants_unique, problem)
        _check_one_to_one(draft, drafts, report)


def _problem(column: ColumnDraft, kind: Kind, texts: Texts, drafts: Drafts) -> str | None:
    """Why the column cannot be unique; None if it can."""
    if _by_construction(column):
        return None
    name = shown(column.name)
    if isinstance(kind, Reference) and isinstance(column.table.links[kind.via].pick, PickTree):
        return f"{name} is a tree's parent, which repeats; right would be to leave unique out"
    if isinstance(kind, Reference):
        return f"{name} refers to parents that repeat; right would be `pick: {{oneToOne: {{}}}}`"
    if isinstance(kind, Template):
        return _template_problem(column, kind, texts)
    if isinstance(kind, Sequence):
        return f"{name} is a sequence of step 0; right would be another step"
    if isinstance(kind, Choice) and kind.weights is not None:
        return f"{name} is a weighted choice, which repeats; right would be no weights"
    if isinstance(kind, Choice) and len(set(kind.values)) < len(kind.values):
        return f"{name} has a value twice in its choice; right would be each value once"
    if isinstance(kind, Boolean) and kind.probability != 0.5:
        return f"{name} has a probability, and unique takes each value once; leave it out"
    if isinstance(kind, Faker) and kind.provider in _SHARED_BY_PERSONS:
        return f"{name} is what many persons share; right would be user_name, email or a template"
    size = domain_size(column, kind)
    if size is None:
        return f"{_word(kind)} cannot be unique, its values repeat; {_RIGHT}"
    if size == 0:
        return f"{name} is a float without a grid of values; right would be `decimals`"
    rows = column.table.rows
    if rows is None or rows <= size:
        return None
    return f"{name} has {size} values for {rows} rows; right would be {_more(kind)}, or fewer rows"


def domain_size(column: ColumnDraft, kind: Kind) -> int | None:
    """How many values a kind permutes when it is unique; None if it cannot be.

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
    return kind.pool if isinstance(kind, Faker) else None


def _by_construction(column: ColumnDraft) -> bool:
    kind, table = column.kind, column.table
    if isinstance(kind, Sequence):
        return kind.step != 0
    if isinstance(kind, Reference):
        link = table.links[kind.via]
        alone = len(link.columns) == 1
        once = isinstance(link.pick, PickChildren) and table.one_child
        return alone and (once or isinstance(link.pick, PickOneToOne))
    return isinstance(kind, Uuid)


def _template_problem(column: ColumnDraft, template: Template, texts: Texts) -> str | None:
    """None if some unique field can be read back out of every text of the template."""
    columns = column.table.columns
    for i, part in enumerate(template.parts):
        if not isinstance(part, Field) or part.filter not in (None, "pad"):
            continue
        source = columns[part.column]
        # Only of an integer is the padded text still one value's own.
        padded = part.filter == "pad" and source.type.name not in INTEGERS
        if is_unique(source) and not padded and _stands_out(column, template, i, texts):
            return None
    return (
        f"{shown(column.name)} has no field that keeps it unique; right would be a unique column "
        "in it, unfiltered or padded, beside characters that its text cannot hold"
    )


def _stands_out(column: ColumnDraft, template: Template, place: int, texts: Texts) -> bool:
    """Whether field `place` can be read out of the whole text, from its left or from its right.

    From the right: what follows is fixed text, or begins with a character that occurs neither in
    the rest of it nor in the field, so that its last occurrence marks the field's end; then the
    field begins the text, or after a character that the field cannot hold. From the left alike.
    """
    parts = [
        texts.of_field(column, part) if isinstance(part, Field) else part for part in template.parts
    ]
    field = parts[place]
    assert isinstance(field, Text)
    left = [part[::-1] if isinstance(part, str) else part for part in reversed(parts[:place])]
    right = parts[place + 1 :]
    return any(
        _ends(near, field) and _begins(far, field) for near, far in ((left, right), (right, left))
    )


def _ends(side: list[Text | str], field: Text) -> bool:
    """Whether the border with this side is found by looking from this side's far end."""
    if all(isinstance(part, str) for part in side):
        return True
    first = side[0]
    if not isinstance(first, str) or not first or field.may_contain(first[0]):
        return False
    mark, rest = first[0], [first[1:], *side[1:]]
    return not any(
        mark in part if isinstance(part, str) else part.may_contain(mark) for part in rest
    )


def _begins(side: list[Text | str], field: Text) -> bool:
    """Whether, the other border being known, this one is found by the field's own characters."""
    if all(isinstance(part, str) for part in side):
        return True
    first = side[0]
    return isinstance(first, str) and bool(first) and not field.may_contain(first[0])


def _check_one_to_one(draft: Draft, drafts: Drafts, report: Report) -> None:
    for link in draft.links.values():
        parents = drafts.by_name[link.parent].rows
        if draft.rows is None or parents is None:
            continue
        path: Path = draft.link_paths[link.name]
        if isinstance(link.pick, PickOneToOne) and draft.rows > parents:
            report.add(
                (*path, "pick", "oneToOne"),
                f"{draft.rows} rows want a parent each, {shown(link.parent)} has {parents}; "
                "right would be at most as many rows",
            )
        elif parents == 0 and draft.rows > 0 and link.parent != draft.name and link.nulls < 1:
            report.add(
                path,
                f"{shown(link.parent)} has no rows to refer to; right would be rows there, or "
                "none here",
            )


def _word(kind: Kind) -> str:
    return f"{'an' if type(kind).__name__[0] in 'AEIOU' else 'a'} {type(kind).__name__.lower()}"


def _more(kind: Kind) -> str:
    if isinstance(kind, Uniform | Between):
        return "a wider range or a finer step"
    if isinstance(kind, Pattern):
        return "a longer pattern"
    return "a larger pool" if isinstance(kind, Faker) else "more values"
