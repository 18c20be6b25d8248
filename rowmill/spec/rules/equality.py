"""What Postgres takes for equal in a unique column, though Rowmill writes it differently.

A char(n) is compared without the spaces at its end, the numbers in a jsonb by their value.
"""

from __future__ import annotations

from rowmill.spec.drafts import ColumnDraft, Drafts
from rowmill.spec.kind import Choice, Field, Kind, Literal, Parent, Pattern, Reference, Template
from rowmill.spec.patterns.automaton import compile_pattern
from rowmill.spec.values.jsonb import comparable_jsonb
from rowmill.spec.values.types import ColumnType, TypeName


def compared(value: Literal, column_type: ColumnType) -> Literal:
    """What stands for the value in comparisons: the same for two that Postgres takes for equal."""
    if isinstance(value, tuple):
        return tuple(compared(each, column_type.element) for each in value)
    if column_type.name is TypeName.JSONB:
        return comparable_jsonb(str(value))
    return value


def differs_in_end_spaces(pattern: str) -> bool:
    """Whether two of the pattern's strings differ in nothing but spaces at the end."""
    automaton = compile_pattern(pattern)
    # Of each state whether spaces alone lead from it to another accepting one.
    leads: list[bool] = [False] * len(automaton.edges)
    for state in reversed(range(len(leads))):
        over = [e.target for e in automaton.edges[state] if e.low <= ord(" ") <= e.high]
        leads[state] = any(automaton.accepting[to] or leads[to] for to in over)
    return any(map(bool.__and__, automaton.accepting, leads))


def ends_in_spaces_of(column: ColumnDraft, drafts: Drafts) -> frozenset[str]:
    """The columns of its table that a template keeps apart by spaces at its end alone, at worst."""
    table, names = column.table, set[str]()
    seen: set[ColumnDraft] = set()
    while column not in seen:
        seen.add(column)
        kind = column.kind
        if isinstance(kind, Template):
            field = _last_field(kind)
            if field is None:
                break
            column = column.table.columns[field.column]
            told: tuple[str, ...] = (column.name,)
        elif isinstance(kind, Parent | Reference):
            link = column.table.links[kind.via]
            told = link.columns if column.table is table else ()
            column = drafts.by_name[link.parent].columns[kind.column]
        else:
            return frozenset(names) if _differ_in_end_spaces(kind) else frozenset()
        names.update(told)
    return frozenset()


def _last_field(template: Template) -> Field | None:
    """The field that ends the template, but for spaces; None where other text or a slug does."""
    for part in reversed(template.parts):
        if isinstance(part, Field):
            return None if part.filter == "slug" else part
        if part.strip(" "):
            return None
    return None


def _differ_in_end_spaces(kind: Kind | None) -> bool:
    if isinstance(kind, Pattern):
        return differs_in_end_spaces(kind.pattern)
    if isinstance(kind, Choice):
        texts = {str(value) for value in kind.values}
        return len({text.rstrip(" ") for text in texts}) < len(texts)
    return False
