"""The ledger in Postgres, beside the rows that it accounts for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.locks import PostgresLocks
from rowmill.destinations.postgres.ledger.pools import PostgresPools
from rowmill.destinations.postgres.ledger.progress import PostgresProgress
from rowmill.destinations.postgres.ledger.queries import PostgresQueries
from rowmill.destinations.postgres.ledger.run_records import PostgresRunRecords
from rowmill.destinations.postgres.ledger.statements import LedgerStatements
from rowmill.destinations.postgres.ledger.tables import ensure_tables, tables_found
from rowmill.destinations.postgres.ledger.work import PostgresWork, delete_work
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.plan.runs import Run


class PostgresLedger:
    """The `Ledger` of an experiment that loads into Postgres.

    The session, which others may share, is for one thread at a time; the locks use connections of
    their own.
    """

    def __init__(self, session: PostgresSession, ledger_schema: str) -> None:
        self._ledger = LedgerStatements(session, ledger_schema)
        self.runs = PostgresRunRecords(self._ledger)
        self.work = PostgresWork(self._ledger, self.runs)
        self.locks = PostgresLocks(self._ledger)
        self.pools = PostgresPools(self._ledger)
        self.progress = PostgresProgress(self._ledger)
        self.queries = PostgresQueries(self._ledger)

    def ensure(self) -> Iterable[str]:
        return ensure_tables(self._ledger.session, self._ledger.schema)

    def found(self) -> bool:
        return tables_found(self._ledger.session, self._ledger.schema)

    def forget_runs(self, runs: Sequence[Run]) -> None:
        # A table of another owner may still be the run's, who took it over and published nothing.
        keys = self._ledger.sql(
            "SELECT key FROM {0}.runs WHERE id = ANY(%s) AND NOT EXISTS "
            "(SELECT FROM {0}.tables WHERE run = id AND table_oid IS NOT NULL)"
        )
        ids = [run.id for run in runs]

        def forget(cursor: Cursor) -> None:
            delete_work(self._ledger, cursor, keys, ids)
            cursor.execute(self._ledger.sql("DELETE FROM {}.runs WHERE key IN ({})", keys), (ids,))

        self._ledger.session.transaction(forget)

    def forget_experiment(self, owner: str) -> None:
        def forget(cursor: Cursor) -> None:
            keys = self._ledger.sql("SELECT key FROM {}.runs WHERE owner = %s")
            delete_work(self._ledger, cursor, keys, owner)
            for table in ("runs", "experiments"):
                cursor.execute(
                    self._ledger.sql("DELETE FROM {}.{} WHERE owner = %s", table), (owner,)
                )
            # Published tables go with their rows, before: one that is still there stays known.
            cursor.execute(
                self._ledger.sql("DELETE FROM {}.tables WHERE owner = %s AND table_oid IS NULL"),
                (owner,),
            )
            # Pools are shared by content: the last experiment takes them along.
            cursor.execute(
                self._ledger.sql(
                    "DELETE FROM {0}.pools WHERE NOT EXISTS (SELECT FROM {0}.experiments)"
                ),
                (),
            )

        self._ledger.session.transaction(forget)

    def close(self) -> None:
        self._ledger.session.close()
