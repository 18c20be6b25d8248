"""The pools in a Postgres ledger, by the hash of what they are made of."""

from __future__ import annotations

from rowmill.destinations.postgres.ledger.statements import LedgerStatements


class PostgresPools:
    """The `Pools` of a ledger in Postgres."""

    def __init__(self, ledger: LedgerStatements) -> None:
        self._ledger = ledger

    def find(self, digest: str) -> bytes | None:
        row = self._ledger.one("SELECT content FROM {}.pools WHERE digest = %s", (digest,))
        return None if row is None else bytes(row[0])

    def store(self, digest: str, content: bytes) -> None:
        self._ledger.do(
            "INSERT INTO {}.pools VALUES (%s, %s) ON CONFLICT DO NOTHING", (digest, content)
        )
