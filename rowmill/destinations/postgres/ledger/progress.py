"""How far runs are, in a Postgres ledger: a row that each supervisor writes over and over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.types.json import Jsonb

from rowmill.destinations.ledger import StoredProgress
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.statements import LedgerStatements
from rowmill.destinations.postgres.session_settings import DURABLE

T = TypeVar("T")


class PostgresProgress:
    """The `RunProgress` of a ledger in Postgres; one of an older layout keeps none."""

    write_seconds = 1.0
    fresh_seconds = 3.0

    def __init__(self, ledger: LedgerStatements) -> None:
        self._ledger = ledger
        self._refused: set[str] = set()

    def write(self, run_id: str, body: dict[str, Any]) -> None:
        statement = self._ledger.sql(
            "INSERT INTO {}.progress VALUES (%s, %s, clock_timestamp()) ON CONFLICT (run_id) "
            "DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at"
        )
        # No COMMIT waits for a disk on its account.
        self._glance(
            "write",
            lambda cursor: cursor.execute(statement, (run_id, Jsonb(body))),
            {DURABLE: "off"},
        )

    def read(self, run_id: str) -> StoredProgress | None:
        statement = self._ledger.sql(
            "SELECT body, updated_at, "
            "extract(epoch FROM clock_timestamp() - updated_at)::double precision "
            "FROM {}.progress WHERE run_id = %s"
        )
        row = self._glance("read", lambda cursor: cursor.execute(statement, (run_id,)).fetchone())
        return None if row is None else StoredProgress(*row)

    def _glance(
        self,
        kind: str,
        work: Callable[[Cursor], T],
        settings: Mapping[str, str | int] | None = None,
    ) -> T | None:
        """As of the session; what the server refuses is not tried again, which fills its log."""
        if kind in self._refused:
            return None

        def attempt(cursor: Cursor) -> T:
            try:
                return work(cursor)
            except psycopg.ProgrammingError:
                # No such table or column, or no right to it.
                self._refused.add(kind)
                raise

        return self._ledger.session.glance(attempt, settings)
