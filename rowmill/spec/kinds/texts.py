"""Texts: how long a column's cells can be as text, and which characters they can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from string import ascii_lowercase, digits

from rowmill.counting import counted
from rowmill.spec.drafts import ColumnDraft, Drafts
from rowmill.spec.kind import (
    Array,
    Choice,
    Constant,
    Field,
    Kind,
    Ordinal,
    Parent,
    Pattern,
    Reference,
    Sequence,
    Template,
    Uniform,
    Uuid,
    Zipf,
)
from rowmill.spec.kinds.addresses import Stretch, stretches
from rowmill.spec.paths import Path, shown
from rowmill.spec.patterns.automaton import compile_pattern
from rowmill.spec.patterns.character_sets import ANY, CharacterSet
from rowmill.spec.report import Report
from rowmill.spec.values.types import INTEGERS, STRINGS, ColumnType, TypeName
from rowmill.spec.versions import version_of

UUID_LENGTH = 36
# So many characters a change of case makes of one at most, and a slug, which spells out others.
_WIDEST_CASE, _WIDEST_SLUG = 3, 6
_SLUG = CharacterSet.of(ascii_lowercase + digits + "-")
_MOST_CHARACTERS: dict[TypeName, tuple[int, str]] = {
    TypeName.BOOLEAN: (5, "truefals"),
    TypeName.SMALLINT: (6, "-0123456789"),
    TypeName.INTEGER: (11, "-0123456789"),
    TypeName.BIGINT: (20, "-0123456789"),
    TypeName.REAL: (24, "-+.0123456789einf"),
    TypeName.DOUBLE: (24, "-+.0123456789einf"),
    TypeName.DATE: (10, "-0123456789"),
    TypeName.TIME: (15, "0123456789:."),
    TypeName.TIMESTAMP: (26, "-0123456789:. T"),
    TypeName.TIMESTAMPTZ: (32, "-+0123456789:. TZ"),
    TypeName.UUID: (UUID_LENGTH, "-0123456789abcdef"),
    TypeName.INET: (43, "0123456789abcdef.:/"),
}


@dataclass(frozen=True)
class Text:
    """What text a cell can be: `most` characters (None: any number) of `characters`.

    Of what is not `known` all that may be wrong, for a problem hides it.
    """

    most: int | None
    characters: CharacterSet
    known: bool = True

    @property
    def ascii(self) -> bool:
        """Whether it holds nothing but ASCII."""
        return self.characters.ascii


_ANYTHING = Text(None, ANY)
_UNKNOWN = replace(_ANYTHING, known=False)


class Texts:
    """The texts of all columns, each found once, its sources first."""

    def __init__(self, ordered: list[ColumnDraft], drafts: Drafts, data_version: int) -> None:
        self.data_version = data_version
        self._drafts = drafts
        self._cuts_slugs = version_of(data_version, "template") > 1
        self._found: dict[int, Text] = {}
        for column in ordered:
            self._found[id(column)] = self._of(column, column.kind, column.type)

    def of_field(self, column: ColumnDraft, field: Field) -> Text:
        """The text of one field of the column's template, its filter applied."""
        text = self._found[id(column.table.columns[field.column])]
        if field.filter is None:
            return text
        if field.filter == "pad":
            most = None if text.most is None else max(text.most, field.argument or 0)
            return Text(most, text.characters | CharacterSet.of("0"), text.known)
        wider = _WIDEST_SLUG if field.filter == "slug" else _WIDEST_CASE
        most = text.most if text.most is None or text.ascii else text.most * wider
        if field.filter == "slug":
            # Of nothing it makes one letter.
            most = None if most is None else max(most, 1)
            return Text(most, _SLUG, text.known)
        return Text(most, text.characters.after_case_change(), text.known)

    def check_lengths(self, columns: list[ColumnDraft], report: Report) -> None:
        """Refuse patterns and templates that are longer than their column."""
        for column in columns:
            path: Path = (*column.path, "generate")
            kind, kind_type = column.kind, column.type
            if isinstance(kind, Array):
                kind, kind_type, path = kind.of, kind_type.element, (*path, "array", "of")
            if kind_type.length is None or not isinstance(kind, Pattern | Template):
                continue
            member = kind.key
            path = column.path if column.spec.generate is None else (*path, member)
            made = self._made(column, kind)
            if made.known and (made.most is None or made.most > kind_type.length):
                report.add(path, self._too_long(member, made.most, column, kind, kind_type))

    def _too_long(
        self,
        member: str,
        most: int | None,
        column: ColumnDraft,
        kind: Pattern | Template,
        column_type: ColumnType,
    ) -> str:
        why = ", and ".join(self._growing(column, kind)) if isinstance(kind, Template) else ""
        cut = self._cut_by_addresses(column, kind) if isinstance(kind, Template) else None
        if most is None:
            found = f"may be of any length, more than {column_type} holds"
            right = "fields of limited length, such as varchar(n), or a column of text"
        else:
            found = f"may have {counted(most, 'character')}, more than {column_type} holds"
            right = f"a shorter {member} or a longer column"
        if cut is not None and (most is None or cut < most) and cut <= (column_type.length or 0):
            right += f", or `dataVersion: 2`, which cuts an address's slugs: to {cut} in all"
        return f"{found}{': ' if why else ''}{why}; use {right}"

    def _growing(self, column: ColumnDraft, template: Template) -> Iterator[str]:
        """What is said of each field that has no limit, or that its filter makes longer."""
        for field in dict.fromkeys(p for p in template.parts if isinstance(p, Field)):
            text = self._found[id(column.table.columns[field.column])]
            most = self.of_field(column, field).most
            if text.most is None:
                yield f"{shown(field.column)} has no limit"
            elif field.filter == "slug" and not text.ascii:
                yield (
                    f"slug may spell a letter of {shown(field.column)} by up to {_WIDEST_SLUG} "
                    f"characters: {text.most} become {most}"
                )
            elif field.filter in ("upper", "lower", "title") and not text.ascii:
                yield (
                    f"{field.filter} may make up to {_WIDEST_CASE} characters of a letter of "
                    f"{shown(field.column)}: {text.most} become {most}"
                )

    def _cut_by_addresses(self, column: ColumnDraft, template: Template) -> int | None:
        """The most characters by a data version that cuts slugs, None for any number of them."""
        parts = [
            self.of_field(column, p).most if isinstance(p, Field) else len(p)
            for p in template.parts
        ]
        return self._most_of(template, parts, stretches(template))

    def _of(self, column: ColumnDraft, kind: Kind | None, column_type: ColumnType) -> Text:
        if kind is None or column.doubtful("type"):
            return _UNKNOWN
        if column_type.array:
            return _ANYTHING
        if isinstance(kind, Reference | Parent):
            link = column.table.links[kind.via]
            source = self._drafts.by_name[link.parent].columns[kind.column]
            return self._found.get(id(source), _ANYTHING)
        if column_type.name in STRINGS:
            made = self._made(column, kind)
            bounds = [n for n in (made.most, column_type.length) if n is not None]
            return replace(made, most=min(bounds, default=None))
        return _of_type(column, kind, column_type)

    def _made(self, column: ColumnDraft, kind: Kind) -> Text:
        """The text that a kind makes for a column of text, whatever the column's length."""
        if isinstance(kind, Pattern):
            automaton = compile_pattern(kind.pattern)
            return Text(automaton.max_length, automaton.characters)
        if isinstance(kind, Choice | Constant):
            values = kind.values if isinstance(kind, Choice) else (kind.value,)
            return _of_strings([str(value) for value in values])
        if isinstance(kind, Uuid):
            return _plain(*_MOST_CHARACTERS[TypeName.UUID])
        if isinstance(kind, Template):
            parts = [
                self.of_field(column, p) if isinstance(p, Field) else _of_strings([p])
                for p in kind.parts
            ]
            return Text(
                self._most_of(
                    kind,
                    [part.most for part in parts],
                    stretches(kind) if self._cuts_slugs else [],
                ),
                CharacterSet.of_spans(span for part in parts for span in part.characters.spans),
                all(part.known for part in parts),
            )
        return _ANYTHING

    @staticmethod
    def _most_of(template: Template, parts: list[int | None], cut: list[Stretch]) -> int | None:
        """The most characters of a template's text, its parts having so many at most."""
        fields = [
            (part, most)
            for part, most in zip(template.parts, parts, strict=True)
            if isinstance(part, Field)
        ]
        total = sum(len(part) for part in template.parts if isinstance(part, str))
        inside = {place for s in cut for place in range(s.first, s.end)}
        found = [most for place, (_, most) in enumerate(fields) if place not in inside]
        found += [_most_cut(fields[s.first : s.end], s.most - s.fixed) for s in cut]
        known = [most for most in found if most is not None]
        return total + sum(known) if len(known) == len(found) else None


def _most_cut(fields: list[tuple[Field, int | None]], room: int) -> int | None:
    """The most characters of fields whose slugs are cut until all fit the room."""
    slugs = [most for field, most in fields if field.filter == "slug"]
    others = [most for field, most in fields if field.filter != "slug"]
    kept = [most for most in others if most is not None]
    if len(kept) < len(others):
        return None
    most = max(room, sum(kept) + len(slugs))
    whole = [size for size in slugs if size is not None]
    return min(most, sum(kept) + sum(whole)) if len(whole) == len(slugs) else most


def _of_strings(values: list[str]) -> Text:
    return Text(max(map(len, values)), CharacterSet.of("".join(values)))


def _of_type(column: ColumnDraft, kind: Kind, column_type: ColumnType) -> Text:
    if column_type.name is TypeName.NUMERIC:
        # A sign, the point, and the zero that stands before it when all digits are behind.
        return _plain((column_type.precision or 0) + 3, "-.0123456789")
    if column_type.name in INTEGERS and (span := _integer_span(column, kind)) is not None:
        longest = max(len(str(span[0])), len(str(span[1])))
        return _plain(longest, ("-" if span[0] < 0 else "") + "0123456789")
    if column_type.name in _MOST_CHARACTERS:
        return _plain(*_MOST_CHARACTERS[column_type.name])
    return _ANYTHING


def _plain(most: int, characters: str) -> Text:
    return Text(most, CharacterSet.of(characters))


def _integer_span(column: ColumnDraft, kind: Kind) -> tuple[int, int] | None:
    """The smallest and largest integer of a kind that has both."""
    if isinstance(kind, Sequence):
        last = kind.start + kind.step * (max(column.table.rows or 0, 1) - 1)
        return min(kind.start, last), max(kind.start, last)
    if isinstance(kind, Uniform):
        return int(kind.min), int(kind.max)
    if isinstance(kind, Zipf):
        return 1, kind.ranks
    if isinstance(kind, Ordinal) and column.table.spec.rows_per is not None:
        return 1, column.table.spec.rows_per.max
    if isinstance(kind, Choice | Constant):
        values = kind.values if isinstance(kind, Choice) else (kind.value,)
        numbers = [value for value in values if isinstance(value, int)]
        return min(numbers), max(numbers)
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    return (low, high) if isinstance(low, int) and isinstance(high, int) else None
