"""Queries that are kept by name, in a Postgres ledger; they go with their experiment's row."""

from __future__ import annotations

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.ledger.statements import LedgerStatements
from rowmill.engine.saved_queries import SavedQuery


class PostgresQueries:
    """The `SavedQueries` of a ledger in Postgres; one of an older layout keeps none."""

    def __init__(self, ledger: LedgerStatements) -> None:
        self._ledger = ledger

    def of(self, owner: str) -> list[SavedQuery]:
        if not self._kept():
            return []
        rows = self._ledger.all(
            'SELECT name, sql, saved_at FROM {}.queries WHERE owner = %s ORDER BY name COLLATE "C"',
            (owner,),
        )
        return [SavedQuery(*row) for row in rows]

    def save(self, owner: str, name: str, sql: str) -> SavedQuery | None:
        if not self._kept():
            raise DestinationRefused(
                "LedgerOlder",
                f"the ledger in schema {self._ledger.schema!r} of "
                f"{self._ledger.session.address.describe()} is of an older layout, which keeps no "
                "queries: the next run of a role that owns its tables takes it to the newer one",
            )
        row = self._ledger.one(
            "INSERT INTO {0}.queries SELECT owner, %s, %s, now() FROM {0}.experiments "
            "WHERE owner = %s ON CONFLICT (owner, name) "
            "DO UPDATE SET sql = excluded.sql, saved_at = excluded.saved_at "
            "RETURNING name, sql, saved_at",
            (name, sql, owner),
        )
        return None if row is None else SavedQuery(*row)

    def forget(self, owner: str, name: str) -> bool:
        deleted = "DELETE FROM {}.queries WHERE owner = %s AND name = %s RETURNING name"
        return self._kept() and self._ledger.one(deleted, (owner, name)) is not None

    def _kept(self) -> bool:
        statement = (
            "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname = %s AND relname = 'queries'"
        )
        return self._ledger.one(statement, (self._ledger.schema,)) is not None
