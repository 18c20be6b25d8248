"""The kind `faker`: a draw from a pool of distinct values of a Faker provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rowmill.spec.faker.providers import (
    MAX_POOL,
    PERSON_FIELDS,
    Provider,
    check_arguments,
    count_values,
    find_provider,
    locales,
)
from rowmill.spec.faker.sizes import faker_length
from rowmill.spec.kind.base import KnownContents, KnownSizes, KnownTexts, KnownWidths, OwnKind
from rowmill.spec.kind.entry import (
    DigestedColumn,
    Example,
    KindEntry,
    Parameters,
    parameter,
)
from rowmill.spec.kind.reading import Reading
from rowmill.spec.paths import shown
from rowmill.spec.report import nearest
from rowmill.spec.shapes.content import UNKNOWN, Content
from rowmill.spec.shapes.size import Size, unknown_size
from rowmill.spec.shapes.text import ANYTHING, Text
from rowmill.spec.shapes.width import TEXT_WIDTH, fixed_width
from rowmill.spec.values.types import INTEGERS, NUMBERS, STRINGS, ColumnType, TypeName

if TYPE_CHECKING:
    from rowmill.spec import fields

# Fields of a person that repeat however many persons there are.
_SHARED_BY_PERSONS = frozenset({"first_name", "last_name", "prefix", "gender", "sex"})
# Providers that give far more than a name or a word: a part of the widths of version 1.
_WIDE = {"text": 160, "paragraph": 160, "paragraphs": 400, "sentence": 60, "address": 50}
_USER_AGENT = 100
# Bytes of a text for each unit of an argument that says how long it is.
_LONG_ARGUMENTS = {
    "length": 1.0,
    "max_chars": 1.0,
    "max_nb_chars": 0.8,
    "nb_sentences": 40.0,
    "nb_words": 6.5,
}


class FakerSpec(Parameters):
    """A draw from a pool of distinct values of a Faker provider."""

    provider: fields.Text = parameter("Faker's name of the provider.", min_length=1)
    args: dict[str, fields.IntOrString] | None = parameter("The provider's named arguments.", None)
    locale: fields.Text | None = parameter("Default: the experiment's locale.", None)
    pool: int = parameter("How many distinct values to draw from.", 10_000, ge=1, le=MAX_POOL)
    entity: fields.Text | None = parameter(
        "Columns of one entity describe one person; default: the column's prefix.", None
    )


@dataclass(frozen=True)
class Faker(OwnKind):
    """A draw from a pool of `pool` distinct values of a Faker provider.

    Columns of one `entity` in one table draw by the same index: one coherent person a row.
    """

    key: ClassVar[str] = "faker"

    provider: str
    args: tuple[tuple[str, int | str], ...]
    locale: str
    pool: int
    entity: str

    def why_repeats(self, column_type: ColumnType) -> str | None:
        """Many persons share it."""
        if self.provider not in _SHARED_BY_PERSONS:
            return None
        return "is what many persons share; use user_name, email or a template"

    def domain(self, column_type: ColumnType, data_version: int) -> int | None:
        """The pool's values, if the provider has so many."""
        there = self._there(data_version)
        return self.pool if there is None else min(self.pool, there)

    def domain_note(self, data_version: int) -> str:
        """That the provider has no more."""
        there = self._there(data_version)
        if there is None or there > self.pool:
            return ""
        return f", all that the provider {shown(self.provider)} gives in {self.locale},"

    def more_values(self, rows: int, column_type: ColumnType, data_version: int) -> str:
        """A larger pool where the provider can fill it."""
        there = self._there(data_version)
        enough = rows <= (MAX_POOL if there is None else there)
        return "a larger pool" if enough else "a template with a unique column"

    def text(self, known: KnownTexts) -> Text:
        """Nobody knows."""
        return ANYTHING

    def text_content(self, known: KnownContents) -> Content:
        """What its arguments say."""
        length = faker_length(self.args, self.locale)
        if length is None:
            return UNKNOWN
        return Content(0, length.bytes, beyond=length.bytes - length.characters)

    def width(self, column_type: ColumnType, known: KnownWidths) -> int:
        """A name's or a word's, or more where the provider gives more."""
        long = _USER_AGENT if self.provider == "user_agent" else _WIDE.get(self.provider)
        return fixed_width(column_type) or long or TEXT_WIDTH

    def size(self, column_type: ColumnType, known: KnownSizes) -> Size:
        """What its arguments say."""
        widths = [
            value * _LONG_ARGUMENTS[name]
            for name, value in self.args
            if name in _LONG_ARGUMENTS and isinstance(value, int)
        ]
        return unknown_size(max(widths, default=0) or known.width_of(self, column_type))

    def _there(self, data_version: int) -> int | None:
        """How many values the provider has; None: as many as any pool, or nobody knows."""
        return None if self.args else count_values(self.provider, self.locale, data_version)


def _read(spec: FakerSpec, reading: Reading) -> Faker | None:
    """The kind; None after a problem was reported, or where the locale is not known."""
    locale = _locale(spec, reading)
    args = tuple(sorted((spec.args or {}).items()))
    try:
        provider = find_provider(spec.provider, locale, reading.data_version)
    except ValueError as error:
        reading.report.attempt((*reading.path, "provider"), error)
        return None
    fits = _provides(provider, reading.type)
    if not fits:
        reading.report.add(
            (*reading.path, "provider"),
            f"{shown(provider.name)} makes {provider.returns}, not {reading.type}; "
            "use another provider, or a column of text",
        )
    try:
        check_arguments(provider, args)
    except ValueError as error:
        reading.report.attempt((*reading.path, "args"), error)
        return None
    if locale is None or not fits:
        return None
    entity = spec.entity
    if entity is None:
        entity = reading.entity(provider.person)
    return Faker(spec.provider, args, locale, spec.pool, entity)


def _locale(spec: FakerSpec, reading: Reading) -> str | None:
    """The locale of a Faker column; None if it is not known, or after a problem."""
    path = (*reading.path, "locale")
    if reading.report.doubts.about(path):
        return None
    # A wrong default is told once, where it stands.
    locale = spec.locale or reading.locale
    known = locales(reading.data_version)
    if locale is None or locale in known:
        return locale
    reading.report.add(
        path, f"{shown(locale)} is no known locale; {nearest(locale, sorted(known))}"
    )
    return None


def _provides(provider: Provider, column_type: ColumnType) -> bool:
    """Whether a provider's values are of the type; a pool leaves out those that don't fit it."""
    if column_type.name in STRINGS:
        return True
    if column_type.name is TypeName.INET:
        return provider.name.startswith("ipv")
    if column_type.name is TypeName.BOOLEAN:
        return provider.returns == "bool"
    exact = column_type.name in INTEGERS
    return provider.returns == "int" or (provider.returns in ("float", "decimal") and not exact)


def _defaults(given: Mapping[str, Any], column: DigestedColumn) -> Mapping[str, Any]:
    return {"locale": column.locale, "entity": column.entity(given["provider"] in PERSON_FIELDS)}


FAKER = KindEntry(
    key="faker",
    spec=FakerSpec,
    kind=Faker,
    fits=STRINGS | NUMBERS | {TypeName.INET, TypeName.BOOLEAN},
    read=_read,
    says="Names, addresses and the like, by Faker.",
    example=Example("text", {"provider": "city"}),
    defaults=_defaults,
    unique_if="with a pool for all rows",
)
