"""The runs in a Postgres ledger, and the experiments whose runs they are."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from psycopg.types.json import Jsonb

from rowmill.destinations.ledger import LAKE_PLACE
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import fenced_transaction
from rowmill.destinations.postgres.ledger.run_rows import move_run
from rowmill.destinations.postgres.ledger.statements import LedgerStatements
from rowmill.destinations.retries import always
from rowmill.plan.layout import Plan
from rowmill.plan.runs import UNFINISHED, Run, RunState

_RUN_COLUMNS = "id, owner, uid, number, state, plan, started_at, finished_at, message, summary"


class PostgresRunRecords:
    """The `RunRecords` of a ledger in Postgres."""

    def __init__(self, ledger: LedgerStatements) -> None:
        self._ledger = ledger

    def uid(self, owner: str) -> str | None:
        row = self._ledger.one("SELECT uid FROM {}.experiments WHERE owner = %s", (owner,))
        return None if row is None else str(row[0])

    def uids(self, owner: str) -> frozenset[str]:
        rows = self._ledger.all("SELECT DISTINCT uid FROM {}.runs WHERE owner = %s", (owner,))
        return frozenset(row[0] for row in rows)

    def claim(self, owner: str, uid: str) -> None:
        self._ledger.do(
            "INSERT INTO {}.experiments AS e (owner, uid) VALUES (%s, %s) ON CONFLICT (owner) "
            "DO UPDATE SET uid = excluded.uid, claimed_at = now() WHERE e.uid <> excluded.uid",
            (owner, uid),
        )

    def owners(self) -> list[str]:
        return [
            row[0] for row in self._ledger.all("SELECT owner FROM {}.experiments ORDER BY owner")
        ]

    def of(self, owner: str) -> list[Run]:
        rows = self._ledger.all(
            f"SELECT {_RUN_COLUMNS} FROM {{0}}.runs JOIN {{0}}.experiments USING (owner, uid) "
            "WHERE owner = %s ORDER BY number",
            (owner,),
        )
        return [_run(row) for row in rows]

    def of_each(self, owners: Collection[str], *, newest: bool = False) -> dict[str, list[Run]]:
        rows = self._ledger.all(
            f"SELECT {'DISTINCT ON (owner)' if newest else ''} {_RUN_COLUMNS} "
            "FROM {0}.runs JOIN {0}.experiments USING (owner, uid) "
            f"WHERE owner = ANY(%s) ORDER BY owner, number {'DESC' if newest else ''}",
            (list(owners),),
        )
        found: dict[str, list[Run]] = {}
        for run in map(_run, rows):
            found.setdefault(run.owner, []).append(run)
        return found

    def find(self, run_id: str) -> Run | None:
        row = self._ledger.one(f"SELECT {_RUN_COLUMNS} FROM {{}}.runs WHERE id = %s", (run_id,))
        return None if row is None else _run(row)

    def live_writer(self, place: str, owner: str) -> str | None:
        row = self._ledger.one(
            "SELECT owner FROM {0}.runs JOIN {0}.experiments USING (owner, uid) "
            "WHERE owner <> %s AND state = ANY(%s) AND summary->>%s = %s ORDER BY owner LIMIT 1",
            (owner, [state.value for state in UNFINISHED], LAKE_PLACE, place),
        )
        return None if row is None else str(row[0])

    def create(self, run: Run) -> Run:
        def insert(cursor: Cursor) -> Run:
            cursor.execute(
                self._ledger.sql(
                    f"INSERT INTO {{}}.runs ({_RUN_COLUMNS}) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
                ),
                (
                    run.id,
                    run.owner,
                    run.uid,
                    run.number,
                    run.state.value,
                    Jsonb(run.plan.to_json()),
                    run.started_at,
                    run.finished_at,
                    run.message,
                    Jsonb(run.summary),
                ),
            )
            row = cursor.execute(
                self._ledger.sql(
                    f"SELECT {_RUN_COLUMNS} FROM {{}}.runs "
                    "WHERE owner = %s AND uid = %s AND number = %s"
                ),
                (run.owner, run.uid, run.number),
            ).fetchone()
            if row is None:
                raise AssertionError(f"run id {run.id} is taken by another experiment")
            return _run(row)

        return self._ledger.session.transaction(insert)

    def transition(
        self,
        run_id: str,
        expected: frozenset[RunState],
        to: RunState,
        *,
        message: str = "",
        summary: dict[str, Any] | None = None,
        wanted: Callable[[], bool] = always,
    ) -> bool:
        moved = False

        def move(cursor: Cursor) -> bool:
            nonlocal moved
            if not wanted():
                return False
            # Also from the new state, once moved: the answer to that COMMIT may have been lost.
            states = expected | {to} if moved else expected
            moved = move_run(
                cursor, self._ledger.schema, run_id, states, to, message, summary or {}
            )
            return moved

        return fenced_transaction(self._ledger.session, run_id, move, wanted=wanted)

    def note(self, run_id: str, facts: dict[str, Any]) -> None:
        self._ledger.do(
            "UPDATE {}.runs SET summary = summary || %s WHERE id = %s", (Jsonb(facts), run_id)
        )


def _run(row: tuple[Any, ...]) -> Run:
    run_id, owner, uid, number, state, plan, started_at, finished_at, message, summary = row
    return Run(
        id=run_id,
        owner=owner,
        uid=uid,
        number=number,
        state=RunState(state),
        plan=Plan.from_json(plan),
        started_at=started_at,
        finished_at=finished_at,
        message=message,
        summary=summary,
    )
