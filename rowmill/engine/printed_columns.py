"""Columns whose cells are text as Postgres prints it, and a query's rows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from rowmill.engine.query_bounds import Bound


class Scalar(Enum):
    """What the text of a cell, or of an array's element, stands for.

    NUMBER is an integer or a float, as digits, `NaN` or `Infinity`; DECIMAL a numeric or money,
    which may have more digits than a float; BOOLEAN is `t` or `f`; JSON a document.
    """

    TEXT = "text"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    JSON = "json"


@dataclass(frozen=True)
class PrintedColumn:
    """A column's name and what its cells hold; a NULL is None, not text.

    `delimiter` is what stands between the elements of an array, None where the column is none;
    `type` is Postgres's name of the type, such as `numeric(12,2)`.
    """

    name: str
    scalar: Scalar = Scalar.TEXT
    delimiter: str | None = None
    type: str = ""


@dataclass
class QueryResult:
    """The columns of a query, and its rows once, each a text as Postgres prints it or None.

    `cut` is the bound at which the rows ended although there were more, known once they were read.
    """

    columns: Sequence[PrintedColumn]
    rows: Iterator[Sequence[str | None]]
    cut: Bound | None = None
