"""A gate in the ledger at which a run stands still, so that a test can strike at a known moment."""

from __future__ import annotations

from collections.abc import Callable

from psycopg import sql

from rowmill.destinations.postgres.ledger.advisory_locks import lock_key
from tests.integration.experiments import Connection


class Gate:
    """Makes the runs of one experiment wait in the database.

    The experiment needs a ledger of its own, whose tables exist: `close_*` put triggers on them.
    """

    def __init__(self, database: Connection, connect: Callable[[], Connection]) -> None:
        self._database = database
        self._connect = connect
        self._holder: Connection | None = None

    def close_after(self, ledger: str, batches: int) -> None:
        """Let no batch from number `batches` on be committed."""
        self._close(ledger, "batches", "INSERT", f"NEW.batch >= {batches}")

    def close_before(self, ledger: str, state: str) -> None:
        """Let no run turn to `state`."""
        self._close(ledger, "runs", "UPDATE", f"NEW.state = '{state}'")

    def close_before_runs(self, ledger: str) -> None:
        """Let no prepare record a run: its claims are made by then."""
        self._close(ledger, "runs", "INSERT", "true")

    def open(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def remove(self, ledger: str, table: str) -> None:
        """Take the gate away again, open or closed, from a ledger that others use after this."""
        self.open()
        name = sql.Identifier(ledger, table)
        self._database.execute(sql.SQL("DROP TRIGGER IF EXISTS gate ON {}").format(name))
        self._database.execute(
            sql.SQL("DROP FUNCTION IF EXISTS {}()").format(sql.Identifier(ledger, "gate"))
        )

    def done(self, ledger: str) -> int:
        """Batches committed so far."""
        row = self._database.execute(
            sql.SQL("SELECT count(*) FROM {}.batches").format(sql.Identifier(ledger))
        ).fetchone()
        return int(row[0]) if row else 0

    def states(self, ledger: str) -> list[str]:
        """The states of the ledger's runs."""
        query = sql.SQL("SELECT state FROM {}.runs ORDER BY number").format(sql.Identifier(ledger))
        return [row[0] for row in self._database.execute(query).fetchall()]

    def waiting(self, ledger: str) -> bool:
        """Whether somebody stands at the gate."""
        key = lock_key("test gate", ledger)
        row = self._database.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
            "AND (classid::bigint << 32) | objid::bigint = %s::bigint)",
            (key,),
        ).fetchone()
        return row == (True,)

    def is_fencing(self, ledger: str) -> bool:
        """Whether somebody waits to change the state of one of the ledger's runs."""
        runs = self._database.execute(
            sql.SQL("SELECT id FROM {}.runs").format(sql.Identifier(ledger))
        ).fetchall()
        return self._database.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'ExclusiveLock' "
            "AND locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint = ANY(%s))",
            ([lock_key("run", run_id) for (run_id,) in runs],),
        ).fetchone() == (True,)

    def _close(self, ledger: str, table: str, event: str, condition: str) -> None:
        key = lock_key("test gate", ledger)
        self._holder = self._connect()
        self._holder.execute("SELECT pg_advisory_lock(%s)", (key,))
        name = sql.Identifier(ledger, "gate")
        self._database.execute(
            sql.SQL("CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS {}").format(
                name,
                sql.Literal(f"BEGIN PERFORM pg_advisory_xact_lock_shared({key}); RETURN NEW; END"),
            )
        )
        self._database.execute(
            sql.SQL(
                "CREATE TRIGGER gate BEFORE {} ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION {}()"
            ).format(sql.SQL(event), sql.Identifier(ledger, table), sql.SQL(condition), name)
        )
