"""What is read of an experiment's published data: the one interface of both engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from rowmill.engine.printed_columns import QueryResult
from rowmill.engine.tracing import Trace
from rowmill.errors import Unavailable


class WarehouseUnreachable(Unavailable):
    """The destinations cannot be read from here; what needs no data still answers."""

    def __init__(self, message: str) -> None:
        super().__init__("WarehouseUnreachable", message)


class Warehouse(Protocol):
    """An experiment's data, as its destinations have it; nothing is read before it is asked for.

    Each method may raise what reaching a destination raises, Refused or Unavailable.
    """

    def keys(self) -> Mapping[str, Sequence[str]]:
        """The tables, each with the columns of its key; none of one without a key."""
        ...

    def trace(self, table: str, key: Sequence[str]) -> Trace:
        """Where the row with this key comes from, its values given as texts.

        Raises:
            NotFound: no run is published, or of another manifest.
            Invalid: there is no such table, or the key does not fit it.
        """
        ...

    def query(self, sql: str) -> AbstractContextManager[QueryResult]:
        """The result of one statement that only reads, while it is entered.

        Raises:
            NotFound: its tables are not published yet.
            Invalid: there is no Postgres, or the statement is wrong.
        """
        ...

    def manifest(self, run: int) -> str:
        """The text of the manifest that a run was of, published or past; raises NotFound."""
        ...
