"""A removal that loses its lock to another supervisor stops before its next step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.lake.object_names import table_folder
from rowmill.destinations.postgres.warehouse.warehouse import Warehouse
from rowmill.errors import Conflict
from rowmill.plan.runs import RunState
from rowmill.worker.removal import purge
from tests.integration.experiments import PEOPLE, Connection
from tests.integration.worker.env import state
from tests.integration.worker.owners import Owner, Owners, shop

HOLDERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND datname = current_database() "
    "AND application_name ~ '^rowmill supervisor' AND backend_start > %s"
)
EACH = pytest.mark.parametrize("remove", [purge.reset, purge.delete])


@pytest.fixture
def take(database: Connection) -> Iterator[Callable[[Owner], None]]:
    """Ends the sessions of holds that were taken since, and takes the experiment's for another."""
    (began,) = database.execute("SELECT clock_timestamp()").fetchone() or (None,)
    with ExitStack() as stack:

        def take_hold(owner: Owner) -> None:
            database.execute(HOLDERS, (began,))
            stack.enter_context(owner.destinations.ledger.locks.hold_experiment(owner.key))

        yield take_hold


def there(owner: Owner, database: Connection, name: str) -> tuple[bool, bool]:
    """Whether the published table and the objects of the run are."""
    row = database.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{name}.people",)).fetchone()
    folder = table_folder(owner.prefix, "people")
    return row == (True,), any(True for _ in owner.lake.bucket.list(folder))


@EACH
@pytest.mark.parametrize(
    ("step", "left", "told"),
    [
        ("drop_staging", (True, True), "No published data was removed"),
        ("remove_tables", (False, True), "this went: removed 1 table"),
        ("remove", (False, False), "this went: removed 1 table .*, 1 object"),
    ],
)
def test_what_comes_after_the_step_in_which_the_lock_went_stays(
    name: str,
    owner_of: Owners,
    database: Connection,
    take: Callable[[Owner], None],
    monkeypatch: pytest.MonkeyPatch,
    remove: Callable[..., object],
    step: str,
    left: tuple[bool, bool],
    told: str,
) -> None:
    owner = owner_of("a", shop(name, tables=[PEOPLE]))
    run = owner.complete()
    kind: type = Lake if step == "remove" else Warehouse
    done, taken = getattr(kind, step), list[str]()

    def lose(self: object, *args: object) -> object:
        result = done(self, *args)
        if not taken:
            taken.append(step)
            take(owner)
        return result

    monkeypatch.setattr(kind, step, lose)
    with pytest.raises(Conflict, match=told) as stopped:
        remove(owner.destinations)
    assert stopped.value.reason == "LiveRunElsewhere"
    assert there(owner, database, name) == left
    assert state(owner.destinations, run) is RunState.COMPLETED


def test_a_run_that_another_took_up_is_not_reset_behind_its_fence(
    name: str,
    owner_of: Owners,
    take: Callable[[Owner], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = owner_of("a", shop(name, tables=[PEOPLE]))
    run = owner.pod()
    records = type(owner.destinations.ledger.runs)
    moves = records.transition

    def late(self: object, *args: object, **options: object) -> bool:
        take(owner)
        return moves(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(records, "transition", late)
    with pytest.raises(Conflict, match="No published data was removed"):
        purge.reset(owner.destinations)
    assert state(owner.destinations, run) is RunState.RUNNING
