"""What a kind of cell is: plain data, and what every rule asks of it.

The kinds are in rowmill.spec.kinds, one file each; the manifest's `generate` members resolve to
them, every parameter filled in and typed. Bounds are in the units of the column's type: integers as
they are, numerics as `Decimal`, floats as `float`, dates as days since 1970-01-01, times as
microseconds since midnight, timestamps as microseconds since 1970-01-01 (UTC), intervals as
microseconds.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from decimal import Decimal
from typing import Any, ClassVar, Protocol

from rowmill.spec.shapes.content import UNKNOWN, Content, content_of_type
from rowmill.spec.shapes.size import Size, unknown_size
from rowmill.spec.shapes.text import ANYTHING, Text
from rowmill.spec.shapes.width import width_of_type
from rowmill.spec.values.types import STRINGS, ColumnType, Number

# What `domain` says of kinds whose values repeat, and of floats, whose values are not counted.
REPEATS, UNCOUNTED = None, 0
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Source:
    """A column that a cell is computed from: of its own row, or of the parent's by the link."""

    column: str
    via: str | None = None


@dataclass(frozen=True)
class InnerKind:
    """A kind inside another: the type that it fills, and where it stands below the other's."""

    kind: Kind
    type: ColumnType
    path: tuple[str | int, ...] = ()


class KnownTexts(Protocol):
    """What is known when texts are judged: of a column's table and of what it is computed from."""

    @property
    def data_version(self) -> int: ...

    def text(self, source: Source) -> Text:
        """The text of another column."""
        ...

    def type(self, source: Source) -> ColumnType:
        """The type of another column."""
        ...


class KnownContents(KnownTexts, Protocol):
    """What is known when bytes are judged."""

    def content(self, source: Source) -> Content:
        """The content of another column, a char(n) without its filling."""
        ...


class KnownWidths(Protocol):
    """What is known when widths are estimated."""

    def width(self, source: Source) -> int | None:
        """The width of another column; None at the end of too long a chain."""
        ...


class KnownSizes(Protocol):
    """What is known when sizes are estimated."""

    def width_of(self, kind: Kind, column_type: ColumnType) -> int:
        """The estimated width of a kind's value, which is its likely size where none is known."""
        ...

    def size(self, source: Source) -> Size | None:
        """The size of another column; None at the end of too long a chain."""
        ...

    def size_of(self, kind: Kind, column_type: ColumnType) -> Size:
        """The size of an inner kind."""
        ...

    def is_fixed(self, source: Source) -> bool:
        """Whether all values of another column take the same room."""
        ...


class Kind(ABC):
    """A kind of cell; frozen dataclasses derive from it, and one that leaves a question open fails.

    `key` is what versions and messages know it by: a class may be renamed, a key not.
    """

    key: ClassVar[str]

    def __init_subclass__(cls, *, abstract: bool = False, **others: Any) -> None:
        super().__init_subclass__(**others)
        if abstract:
            return
        missing = [name for name in dir(cls) if _is_open(getattr(cls, name, None))]
        if not hasattr(cls, "key"):
            missing.append("key")
        fields = _field_types(cls)
        if cls.inner_kinds is WholeKind.inner_kinds and Kind in fields:
            missing.append("inner_kinds")
        if cls.sources is OwnKind.sources and (Kind in fields or Source in fields):
            missing.append("sources")
        if missing:
            raise TypeError(f"the kind {cls.__name__} does not say its {', '.join(missing)}")

    @abstractmethod
    def sources(self) -> Sequence[Source]:
        """The columns that it reads, each with its link."""

    @abstractmethod
    def inner_kinds(self, column_type: ColumnType) -> Sequence[InnerKind]:
        """The kinds that it is made of, if it fills a column of this type."""

    @property
    def copied(self) -> Source | None:
        """The column whose value it takes as it is; None: it makes one."""
        return None

    @property
    def never_repeats(self) -> bool:
        """Whether its values never repeat, whether the column is unique or not."""
        return False

    def why_repeats(self, column_type: ColumnType) -> str | None:
        """What is said, behind the column's name, of one that cannot be unique; None if nothing."""
        return None

    def domain(self, column_type: ColumnType, data_version: int) -> int | None:
        """How many values it permutes when the column is unique; REPEATS, or UNCOUNTED."""
        return REPEATS

    def domain_note(self, data_version: int) -> str:
        """What bounds its values, where that is not what the manifest says."""
        return ""

    def more_values(self, rows: int, column_type: ColumnType, data_version: int) -> str:
        """What would give values for so many rows; never what cannot help."""
        return "more values"

    @property
    def differs_in_end_spaces(self) -> bool:
        """Whether two of its texts differ in nothing but spaces at the end."""
        return False

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """The smallest and the largest value, in a table of so many rows; None: not known.

        `most_children` are those of a parent, of a table with `rowsPer`.
        """
        return None

    def spread(self, rows: int) -> Decimal | None:
        """A bound of the distance between two values, in a table of so many rows; None: none known.

        It decides the bytes of Parquet's parts, so what a released kind says never changes, finer
        as `span` may be. A kind that says nothing is taken to fill its type, which every reader
        takes.
        """
        return None

    @property
    def even_steps(self) -> bool:
        """Whether each row's value is as far from the row's before.

        Of a kind that only seems so some readers would make other values: none has it by itself.
        """
        return False

    @property
    def few_values(self) -> bool:
        """Whether a row group has each of its values many times over, whatever the table's rows.

        A dictionary of values that do not repeat is larger than these, so no kind has it by itself.
        """
        return False

    @property
    def compressible(self) -> bool:
        """Whether a codec makes its values smaller, in their own type.

        To try in vain costs little, and cells that are left as they are may cost a multiple.
        """
        return True

    def text(self, known: KnownTexts) -> Text:
        """What it makes in a column of text, whatever the column's length."""
        return ANYTHING

    def why_long(self, known: KnownTexts, length: int) -> tuple[str, str] | None:
        """What is said of texts that may be longer than `length`: why, and what else to do.

        None where they are held to the column's length anyway.
        """
        return None

    def content(self, column_type: ColumnType, known: KnownContents) -> Content:
        """The bytes of its values in Postgres, in a column of varying length."""
        if column_type.array:
            return UNKNOWN
        found = content_of_type(column_type)
        if found is not None:
            return found
        return self.text_content(known) if column_type.name in STRINGS else UNKNOWN

    def text_content(self, known: KnownContents) -> Content:
        """The bytes of its texts in Postgres."""
        return UNKNOWN

    def bits(self, column_type: ColumnType) -> float:
        """Bits such that no value is more likely than 2 ** -bits."""
        return 0.0

    def width(self, column_type: ColumnType, known: KnownWidths) -> int:
        """Estimated bytes of a value: version 1, which never changes (rowmill.plan.width)."""
        return width_of_type(column_type)

    def size(self, column_type: ColumnType, known: KnownSizes) -> Size:
        """The room of a value of varying length, as likely as can be told."""
        return unknown_size(known.width_of(self, column_type))


class WholeKind(Kind, abstract=True):
    """A kind with no other in it."""

    def inner_kinds(self, column_type: ColumnType) -> Sequence[InnerKind]:
        """None."""
        return ()


class OwnKind(WholeKind, abstract=True):
    """A kind that draws or counts its values itself: it reads no column and has none in it."""

    def sources(self) -> Sequence[Source]:
        """None."""
        return ()


def walk(
    kind: Kind, column_type: ColumnType, path: tuple[str | int, ...] = ()
) -> Iterator[InnerKind]:
    """A kind and all that it is made of, each with its type and its place below `path`."""
    yield InnerKind(kind, column_type, path)
    for inner in kind.inner_kinds(column_type):
        yield from walk(inner.kind, inner.type, (*path, *inner.path))


def _field_types(owner: type) -> set[type]:
    """Which of Kind and Source the fields name, themselves or by the dataclasses that they hold."""
    found: set[type] = set()
    holders = [owner]
    for holder in holders:
        for name, held in _named_in_fields(holder):
            bases = held.__mro__ if isinstance(held, type) else ()
            # By its own name too: it may be imported for type checkers alone.
            found |= {each for each in (Kind, Source) if name == each.__name__ or each in bases}
            if isinstance(held, type) and is_dataclass(held) and held not in holders:
                holders.append(held)
    return found


def _named_in_fields(owner: type) -> Iterator[tuple[str, object]]:
    """Every name in the annotations, which are texts, and what its module knows by it."""
    for each in owner.__mro__[:-1]:
        known = vars(sys.modules[each.__module__])
        for annotation in vars(each).get("__annotations__", {}).values():
            for name in _NAME.findall(str(annotation)):
                yield name, known.get(name)


def _is_open(attribute: object) -> bool:
    return bool(getattr(attribute, "__isabstractmethod__", False))
