"""What is read of an experiment's published data: the one interface of both engines."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from rowmill.engine.cancellation import Cancellation
from rowmill.engine.printed_columns import QueryResult
from rowmill.engine.query_bounds import UNBOUNDED, QueryBounds
from rowmill.engine.saved_queries import SavedQuery
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

    def query(
        self,
        sql: str,
        *,
        bounds: QueryBounds = UNBOUNDED,
        cancellation: Cancellation | None = None,
    ) -> AbstractContextManager[QueryResult]:
        """The result of one statement that only reads, while it is entered.

        It has a connection of its own, whose transaction is rolled back; nothing of it is left at
        the server once this is left or `cancellation` is cancelled, from whichever thread. What
        the rows raise is one of these where it leaves this.

        Raises:
            NotFound: its tables are not published yet.
            Invalid: the statement is wrong, or took `bounds.seconds` before its first row was due.
            Unsupported: NoPostgres.
            Cancelled: also while its rows are read.
        """
        ...

    def csv(
        self,
        sql: str,
        *,
        seconds: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> Generator[bytes, None, None]:
        """The result of a SELECT, VALUES, TABLE or WITH, as COPY writes CSV with a header.

        No publish of these tables comes through while it is read, so `seconds` may bound it, to
        its last piece.

        The pieces end anywhere, and are of some 64 KiB; nothing is asked before the first. Closing
        the iterator ends the query, as its last piece does, and else it is as of `query`.

        Raises:
            Invalid: also in its midst, such as of a row of more than 16 MiB, or when its `seconds`
                are over.
        """
        ...

    def saved_queries(self) -> Sequence[SavedQuery]:
        """Those of the experiment, by name. They outlive `reset`, and go with its records."""
        ...

    def save_query(self, name: str, sql: str) -> SavedQuery:
        """Keep a query by this name, in place of what has it.

        Raises:
            Invalid: InvalidQuery, no ledger keeps such a name or text.
            NotFound: NoRun, the experiment is in no ledger yet.
            Conflict: TooManyQueries.
            Refused: LedgerOlder, nobody may take the ledger to the layout that keeps queries.
        """
        ...

    def forget_query(self, name: str) -> None:
        """Raises NotFound if none has this name."""
        ...

    def manifest(self, run: int) -> str:
        """The text of the manifest that a run was of, published or past; raises NotFound."""
        ...
