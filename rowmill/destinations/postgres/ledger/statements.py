"""Statements on the ledger's tables in Postgres, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from rowmill.destinations.postgres.quoted_names import quoted
from rowmill.destinations.postgres.session import PostgresSession

Parameters = Sequence[Any] | Mapping[str, Any]


class LedgerStatements:
    """The schema of a ledger, and a session for one thread at a time, which its parts share."""

    def __init__(self, session: PostgresSession, schema: str) -> None:
        self.session = session
        self.schema = schema

    def sql(self, text: str, *parts: str | sql.Composable) -> sql.Composed:
        """A statement with parameters; the first name is the ledger's schema, then `parts`."""
        composed = [quoted(part) if isinstance(part, str) else part for part in parts]
        return sql.SQL(text).format(quoted(self.schema), *composed)

    def all(self, text: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        statement = self.sql(text)
        return self.session.transaction(
            lambda cursor: cursor.execute(statement, parameters).fetchall()
        )

    def one(self, text: str, parameters: Parameters) -> tuple[Any, ...] | None:
        """The first row of a query, None if it has none."""
        return next(iter(self.all(text, parameters)), None)

    def do(self, text: str, parameters: Parameters) -> None:
        """Run a statement of which nobody wants the rows."""
        statement = self.sql(text)
        self.session.transaction(lambda cursor: cursor.execute(statement, parameters))
