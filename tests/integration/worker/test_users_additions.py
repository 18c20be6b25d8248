"""What users put on published tables outlives runs of other manifests and whatever comes late."""

from collections.abc import Callable

import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.warehouse.warehouse import Warehouse
from rowmill.engine.request import Mode
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Dataset
from rowmill.worker.destinations import Destinations
from tests.integration.experiments import ORDERS, PEOPLE, Connection, Manifest, count, manifest
from tests.integration.worker.env import Env, state

Opened = Callable[[Manifest], tuple[Env, Destinations]]

INDEXED = {**PEOPLE, "unique": [["id", "name"]], "indexes": [["born"]]}


def indexes(database: Connection, schema: str) -> set[str]:
    query = "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND tablename = 'people'"
    return {str(row[0]) for row in database.execute(query, (schema,))}


def test_keys_of_an_edited_manifest_go_and_what_users_added_stays(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name, tables=[INDEXED, ORDERS], parquet=None))
    env.complete(destinations)
    made = indexes(database, name)
    database.execute(f"CREATE INDEX mine ON {name}.people (born)")
    database.execute(f"ALTER TABLE {name}.people ENABLE ROW LEVEL SECURITY")
    database.execute(f"CREATE POLICY few ON {name}.people USING (id < 10)")
    edited, destinations = opened(manifest(name, parquet=None))
    edited.complete(destinations, Mode.RESTART)
    assert len(made) == 3
    left = indexes(database, name)
    assert "mine" in left
    assert len(left) == 2
    policies = f"SELECT polname FROM pg_policy WHERE polrelid = '{name}.people'::regclass"
    assert database.execute(policies).fetchall() == [("few",)]


def test_what_comes_between_finalize_and_publish_is_built_and_published(
    name: str, opened: Opened, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name, parquet=None))
    env.complete(destinations)
    late = iter(["CREATE INDEX late ON {}.people (born)", "CREATE INDEX later ON {}.people (name)"])

    def publish(self: Warehouse, run: Run, dataset: Dataset) -> None:
        if statement := next(late, None):
            database.execute(statement.format(name))
        real(self, run, dataset)

    real = Warehouse.publish
    monkeypatch.setattr(Warehouse, "publish", publish)
    run = env.complete(destinations, Mode.RESTART)
    assert state(destinations, run) is RunState.COMPLETED
    assert {"late", "later"} < indexes(database, name)


def test_what_cannot_be_built_the_same_ends_in_words_and_not_in_a_circle(
    name: str, opened: Opened, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name, parquet=None))
    env.complete(destinations)
    database.execute(f"CREATE INDEX mine ON {name}.people (born)")
    monkeypatch.setattr(
        "rowmill.destinations.postgres.warehouse.finalize_steps.make", lambda *_, **__: None
    )
    with pytest.raises(DestinationRefused, match=r"index mine on .*\.people"):
        env.complete(destinations, Mode.RESTART)


def test_a_check_that_new_rows_break_fails_the_run_which_resumes(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name, parquet=None))
    env.complete(destinations)
    database.execute(f"ALTER TABLE {name}.people ADD CONSTRAINT few CHECK (id <= 2500)")
    more, destinations = opened(
        manifest(name, tables=[{**PEOPLE, "rows": 3_000}, ORDERS], parquet=None)
    )
    run = more.prepare(destinations, mode=Mode.RESTART).run
    more.load(destinations, run)
    with pytest.raises(DestinationRefused, match=r"CHECK few on .*\.people") as refusal:
        more.finalize(destinations, run)
    assert refusal.value.reason == "UserConstraint"
    assert count(database, name, "people") == 2_500
    destinations.ledger.runs.transition(run.id, frozenset({RunState.FINALIZING}), RunState.FAILED)
    database.execute(f"ALTER TABLE {name}.people DROP CONSTRAINT few")
    again = more.prepare(destinations)
    assert again.resumed
    assert more.load(destinations, again.run).made == {}
    more.finalize(destinations, again.run)
    assert count(database, name, "people") == 3_000
