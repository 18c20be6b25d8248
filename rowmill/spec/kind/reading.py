"""One `generate` that is being read: its place, its column, and what it may refer to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from rowmill.spec.kind.base import Kind
from rowmill.spec.paths import Path
from rowmill.spec.report import Report
from rowmill.spec.values.types import ColumnType, Literal


class ReadColumn(Protocol):
    """A column that another is computed from."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> ColumnType: ...

    def doubtful(self, field: str) -> bool:
        """Whether what a field of the column says is unknown."""
        ...


class Reading(Protocol):
    """What the reader of a kind is told of its column, and whom it asks for the rest."""

    @property
    def type(self) -> ColumnType:
        """The type to fill, of an array its element's."""
        ...

    @property
    def path(self) -> Path: ...

    @property
    def report(self) -> Report: ...

    @property
    def data_version(self) -> int: ...

    @property
    def locale(self) -> str | None:
        """The experiment's locale; None if it is not known."""
        ...

    @property
    def inferred(self) -> bool:
        """Whether the manifest does not name the generator: its problems are the column's."""
        ...

    @property
    def unique(self) -> bool:
        """Whether the column must be unique."""
        ...

    @property
    def values(self) -> int | None:
        """How many values the column gets at most; None if that is not known."""
        ...

    @property
    def most_children(self) -> int | None:
        """The most rows of a parent, of a table with `rowsPer`."""
        ...

    @property
    def per_unknown(self) -> bool:
        """Whether the table has a `rowsPer` that a problem hides."""
        ...

    @property
    def columns(self) -> Collection[str]:
        """The names of the row's columns."""
        ...

    @property
    def open_names(self) -> bool:
        """Whether there may be columns of other names."""
        ...

    def link(self, via: str) -> str | None:
        """The name of the link that `via` names; None after saying that there is none."""
        ...

    def source(self, name: str, via: str | None) -> ReadColumn | None:
        """The column that another is computed from: of this table or of the parent by `via`.

        The parent is known by its name, however wrong the reference is otherwise. None after
        saying that there is no such column, and where the parent is not known.
        """
        ...

    def entity(self, person: bool) -> str:
        """The entity of a Faker column that names none."""
        ...

    def literal(self, value: int | str, *steps: str | int) -> Literal | None:
        """A literal by the type, which stands at these steps below; None after a problem."""
        ...

    def inner_kind(
        self, generate: Any, step: str, column_type: ColumnType, times: int
    ) -> Kind | None:
        """A kind inside this one, of which a value has up to `times`; None after a problem."""
        ...
