"""Steps of finalize take no lock but those that they name, in one order."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

import psycopg
import pytest

from rowmill.destinations.postgres.additions.staged import make
from rowmill.destinations.postgres.connection import Cursor, PostgresAddress
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.tables.lock_modes import Lock, conflict
from rowmill.destinations.postgres.tables.staging import staging_schema
from rowmill.destinations.postgres.warehouse import finalize_steps, step_lanes
from rowmill.destinations.postgres.warehouse.step_order import FinalizeStep
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import Experiment, loaded, star
from tests.postgres_login import connect

FINALIZING = frozenset({RunState.FINALIZING})


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, star())


@pytest.mark.parametrize(
    ("one", "other"), list(combinations_with_replacement(Lock, 2)), ids=lambda mode: str(mode.value)
)
def test_the_locks_that_conflict_are_those_of_postgres(
    database: dict[str, str], one: Lock, other: Lock
) -> None:
    with connect(database) as holder, connect(database) as asker:
        holder.execute("CREATE TABLE things ()")
        holder.execute(f"BEGIN; LOCK TABLE things IN {one.value} MODE")
        refused = False
        try:
            asker.execute(f"BEGIN; LOCK TABLE things IN {other.value} MODE NOWAIT")
        except psycopg.errors.LockNotAvailable:
            refused = True
    assert conflict(one, other) == conflict(other, one) == refused


_USERS = """
CREATE TABLE public.far (id bigint PRIMARY KEY);
INSERT INTO public.far SELECT generate_series(0, 99);
CREATE FUNCTION public.is_known(bigint) RETURNS boolean LANGUAGE sql AS
    'SELECT EXISTS (SELECT FROM public.far WHERE id = $1)';
ALTER TABLE shop.ray0 ADD FOREIGN KEY (id) REFERENCES public.far;
ALTER TABLE shop.ray1 ADD FOREIGN KEY (id) REFERENCES public.far NOT VALID;
ALTER TABLE shop.ray2 ADD FOREIGN KEY (id) REFERENCES shop.ray0;
ALTER TABLE shop.ray2 ADD UNIQUE (size, parent_id, id);
ALTER TABLE shop.hub ADD CHECK (public.is_known(id));
ALTER TABLE shop.hub ADD COLUMN double bigint GENERATED ALWAYS AS (size * 2) STORED;
CREATE INDEX ON shop.ray1 (size DESC);
CREATE STATISTICS shop.both ON id, size FROM shop.ray0;
ALTER TABLE shop.ray1 SET (fillfactor = 50);
"""


def covers(held: Lock, taken: Lock | None) -> bool:
    """Whether a lock excludes all that another one does; none does those of unknown modes."""
    return taken is not None and all(conflict(held, mode) for mode in Lock if conflict(taken, mode))


def test_no_step_takes_a_lock_that_it_does_not_name(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute(_USERS)
    run = loaded(shop)
    query = (
        "SELECT CASE WHEN nspname = %s THEN relname ELSE %s END, mode FROM pg_locks "
        "JOIN pg_class c ON c.oid = relation "
        "JOIN pg_namespace n ON n.oid = relnamespace WHERE pid = pg_backend_pid() "
        "AND nspname NOT IN ('pg_catalog', 'rowmill') AND relkind = 'r' AND locktype = 'relation'"
    )
    seen: list[str] = []
    undeclared: list[str] = []
    names = {mode.value.title().replace(" ", "") + "Lock": mode for mode in Lock}

    def do_and_look(steps: list[FinalizeStep], do: step_lanes.Do) -> None:
        for step in steps:
            held = dict(step.locks)

            def work(
                cursor: Cursor, step: FinalizeStep = step, held: dict[str, Lock] = held
            ) -> None:
                step.work(cursor)
                known = staging_schema(run.id), finalize_steps.OTHERS
                for name, mode in cursor.execute(query, known).fetchall():
                    seen.append(mode)
                    # What users' functions read, nobody can name.
                    if mode == "AccessShareLock":
                        continue
                    if name not in held or not covers(held[name], names.get(mode)):
                        undeclared.append(f"{step.label}: {mode} on {name}")

            with PostgresSession(shop.address) as session:
                do(session, FinalizeStep(step.label, step.locks, step.rows, work), lambda: True)

    monkeypatch.setattr(
        "rowmill.destinations.postgres.warehouse.finalize.do_steps",
        lambda session, steps, connections, do, report, look: do_and_look(steps, do),
    )
    shop.finalize(run)
    assert not undeclared
    assert set(names) <= set(seen)


def test_a_users_reference_locks_its_tables_in_the_order_of_the_runs_own_steps(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.complete()
    query = (
        "SELECT pid, relname, granted FROM pg_locks JOIN pg_class c ON c.oid = relation "
        "WHERE mode = 'ShareRowExclusiveLock' AND pid = %s"
    )
    worker: list[int] = []
    seen: list[tuple[object, ...]] = []
    with connect(database) as holder, connect(database) as admin:
        admin.execute(
            "ALTER TABLE shop.ray0 ADD CONSTRAINT own FOREIGN KEY (id) REFERENCES shop.hub"
        )
        run = loaded(shop)

        def make_while_the_parent_is_held(cursor: Cursor, **arguments: Any) -> None:
            holder.execute(
                f"BEGIN; LOCK TABLE {staging_schema(run.id)}.hub IN SHARE ROW EXCLUSIVE MODE"
            )
            worker.append(cursor.connection.info.backend_pid)
            make(cursor, **arguments)

        def look() -> None:
            locks = admin.execute(query, worker).fetchall() if worker else []
            if not seen and any(not granted for *_, granted in locks):
                seen.extend(locks)
                holder.execute("ROLLBACK")

        monkeypatch.setattr(finalize_steps, "make", make_while_the_parent_is_held)
        running = frozenset({RunState.RUNNING})
        shop.ledger.runs.transition(run.id, running, RunState.FINALIZING)
        shop.warehouse.finalize(run, shop.data, 1, lambda label: None, look)
    assert seen == [(worker[0], "hub", False)]
