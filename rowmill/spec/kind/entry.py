"""The entry of a kind: what the manifest, its checks and its documents must be told of it.

The parameters are declared here without pydantic, which who makes rows need not import; the
manifest's models are made from them (rowmill.spec.manifest.generators).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rowmill.spec.kind.base import Kind
from rowmill.spec.kind.moments import MOMENTS
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import STRINGS, ColumnType, TypeName

REQUIRED: Any = object()


@dataclass(frozen=True)
class Parameter:
    """A parameter's description, default and limits, in the words of pydantic's `Field`."""

    description: str | None
    default: Any
    limits: Mapping[str, Any]


class Parameters:
    """The parameters of a kind; a subclass declares each with its type from rowmill.spec.fields.

    Its docstring is what the reference says of the kind.
    """


def parameter(description: str | None, default: Any = REQUIRED, **limits: Any) -> Any:
    """Declare a parameter; one without a default must be given."""
    return Parameter(description, default, limits)


@dataclass(frozen=True)
class Example:
    """A generator in a column, and the law of its values, if the type is of numbers or moments.

    Args:
        type: the column's.
        generate: the member's value.
        mean: of its first 20,000 values, in the units of the type: days or microseconds.
        deviation: their standard deviation, in the same units.
    """

    type: str
    generate: Any
    mean: float | None = None
    deviation: float | None = None


class DigestedColumn(Protocol):
    """What decides a parameter's default, where that hangs on the column."""

    @property
    def type(self) -> ColumnType: ...

    @property
    def locale(self) -> str: ...

    def entity(self, person: bool) -> str:
        """The entity of a Faker column that names none."""
        ...


def _no_defaults(given: Mapping[str, Any], column: DigestedColumn) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class KindEntry:
    """A member of `generate`.

    Args:
        key: its name in the manifest.
        spec: its parameters, or the name of the one value's type in rowmill.spec.fields.
        kind: what it is read to.
        fits: the types that it fills.
        read: the kind, or None after a problem was reported.
        says: what an editor shows beside its name.
        example: one that is right.
        in_arrays: whether it may make the elements of an array.
        fills_arrays: whether it may fill a column of an array type.
        literals: the parameters that are read by the column's type, `1` and `"1"` alike; of one
            value `""`.
        defaults: what the digest leaves out beside the fixed defaults, by what is given.
        unique_if: on what condition a column of it can be unique, where not every one can. One
            whose kind has a `domain`, or never repeats, needs no such word.

    Raises:
        TypeError: it fills a type whose questions the kind leaves open.
    """

    key: str
    spec: type[Parameters] | str
    kind: type[Kind]
    fits: frozenset[TypeName]
    read: Callable[[Any, Reading], Kind | None]
    says: str
    example: Example
    in_arrays: bool = True
    fills_arrays: bool = False
    literals: tuple[str, ...] = ()
    defaults: Callable[[Mapping[str, Any], DigestedColumn], Mapping[str, Any]] = field(
        default=_no_defaults
    )
    unique_if: str = ""

    def __post_init__(self) -> None:
        strings, arrays = bool(self.fits & STRINGS), self.fills_arrays
        asked = (
            (strings, ("text",)),
            (strings, ("text_content", "content")),
            (arrays, ("content",)),
            (strings or arrays, ("size",)),
            (bool(self.fits & MOMENTS), ("span",)),
        )
        for matters, names in asked:
            if matters and not any(_says(self.kind, name) for name in names):
                raise TypeError(
                    f"{self.kind.__name__} fills types whose {names[0]} it does not say"
                )

    @property
    def can_be_unique(self) -> bool:
        """Whether some column of it can be unique."""
        of_itself = any(_overrides(self.kind, name) for name in ("domain", "never_repeats"))
        return of_itself or bool(self.unique_if)

    def can_fill(self, column_type: ColumnType) -> bool:
        """Whether it makes values of the type."""
        return self.fills_arrays if column_type.array else column_type.name in self.fits


def _says(kind: type[Kind], name: str) -> bool:
    # What copies another column's value, or is judged after it, has that column's.
    return any(_overrides(kind, each) for each in (name, "copied"))


def _overrides(kind: type[Kind], name: str) -> bool:
    return getattr(kind, name) is not getattr(Kind, name)
