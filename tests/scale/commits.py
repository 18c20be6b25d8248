"""When the ledger's rows of an experiment were committed, as Postgres recorded it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from tests.e2e.cluster.access import wait_for

# Batches and parts, as far as finalize has not folded them up yet.
_MOMENTS = """
SELECT extract(epoch FROM min(at))::float8, extract(epoch FROM max(at))::float8
FROM (
  SELECT run, pg_xact_commit_timestamp(xmin) AS at FROM rowmill.batches
  UNION ALL SELECT run, pg_xact_commit_timestamp(xmin) FROM rowmill.parts
) AS rows JOIN rowmill.runs ON key = run
WHERE owner LIKE '%%/' || %s
"""


@dataclass
class Commits:
    """First and last commit of an experiment's work so far, in seconds since the epoch."""

    connection: psycopg.Connection
    name: str
    first: float | None = field(default=None, init=False)
    last: float = field(default=0.0, init=False)

    def look(self) -> None:
        """Take in what was committed since the look before.

        To be called often enough that nothing is folded up unseen: keys and indexes come between.
        """
        try:
            row = self.connection.execute(_MOMENTS, (self.name,)).fetchone()
        except psycopg.errors.UndefinedTable:
            # The first run of all makes the ledger.
            return
        if row is not None and row[0] is not None:
            self.first = row[0] if self.first is None else min(self.first, row[0])
            self.last = max(self.last, row[1])

    def first_seen(self, seconds: float = 120) -> float:
        """Wait for the first commit; when it was."""

        def found() -> float | None:
            self.look()
            return self.first

        return wait_for(found, seconds, f"the first committed row of {self.name}")

    def until(self, ended: Callable[[], bool], seconds: float) -> float:
        """Look until the work has ended; seconds from its first to its last commit."""

        def over() -> bool:
            self.look()
            return ended()

        wait_for(over, seconds, f"{self.name} ends")
        if self.first is None:
            raise AssertionError(f"no commit of {self.name} was seen")
        return self.last - self.first
