"""Of ended runs as many records are kept as the manifest says, and never one that is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rowmill.engine.request import Mode
from rowmill.plan.runs import RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.reading import experiment_runs, published
from rowmill.worker.removal import purge
from tests.integration.experiments import PEOPLE, Connection, Manifest, manifest
from tests.integration.worker.env import Env

Opened = Callable[[Manifest], tuple[Env, Destinations]]
EACH = pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])


def numbers(destinations: Destinations) -> list[int]:
    return [run.number for run in experiment_runs(destinations)]


@EACH
def test_records_beyond_the_limit_go_and_numbers_go_on(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    content = manifest(name, tables=[PEOPLE], postgres=postgres, runHistoryLimit=2)
    env, destinations = opened(content)
    first = env.complete(destinations)
    destinations.ledger.progress.write(first.id, {"step": "loading"})
    for _ in range(3):
        env.complete(destinations, Mode.RESTART)
    assert numbers(destinations) == [3, 4]
    assert destinations.ledger.progress.read(first.id) is None
    begun = env.prepare(destinations, mode=Mode.RESTART).run
    assert numbers(destinations) == [3, 4, 5]
    assert begun.number == 5
    published_now = published(destinations)
    assert published_now is not None
    assert destinations.durable(published_now).batches == (None if postgres is None else LINEAGE)


LINEAGE = {"people": [(0, 3)]}


@EACH
def test_the_published_run_stays_and_what_may_be_resumed(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(
        manifest(name, tables=[PEOPLE], postgres=postgres, runHistoryLimit=0)
    )
    env.complete(destinations)
    seen = env.complete(destinations, Mode.RESTART)
    assert numbers(destinations) == [2]
    for _ in range(3):
        run = env.prepare(destinations, mode=Mode.RESTART).run
        env.load(destinations, run, parts=1)
    assert numbers(destinations) == [2, 4, 5], "the newest, and what may have left something"
    assert published(destinations) == destinations.ledger.runs.find(seen.id)
    resumed = env.prepare(destinations)
    assert (resumed.run.number, resumed.resumed) == (5, True)
    env.load(destinations, resumed.run)
    env.finalize(destinations, resumed.run)
    assert numbers(destinations) == [5]


def test_what_lies_at_another_place_of_the_bucket_is_still_found_by_a_reset(
    name: str, opened: Opened
) -> None:
    there = manifest(name, tables=[PEOPLE], parquet={"prefix": f"{name}-old/"}, runHistoryLimit=0)
    env, before = opened(there)
    env.complete(before)
    env, destinations = opened(manifest(name, tables=[PEOPLE], runHistoryLimit=0))
    env.complete(destinations)
    assert before.lake is not None
    assert numbers(destinations) == [1, 2]
    purge.reset(destinations)
    assert not before.lake.there() or before.lake.current() is None
    assert list(before.lake.bucket.list(f"{name}-old/people/")) == []


def test_a_run_whose_table_was_taken_over_stays_until_that_owner_has_his_own(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet=None, runHistoryLimit=0))
    first = env.complete(destinations)
    database.execute(
        "INSERT INTO rowmill.tables SELECT schema_name, 'taken', 'another', table_oid, run "
        "FROM rowmill.tables WHERE run = %s",
        (first.id,),
    )
    env.complete(destinations, Mode.RESTART)
    assert numbers(destinations) == [1, 2]
    database.execute("DELETE FROM rowmill.tables WHERE owner = 'another'")
    env.complete(destinations, Mode.RESTART)
    assert numbers(destinations) == [3]


@EACH
def test_an_experiment_whose_data_was_reset_goes_on_counting(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(
        manifest(name, tables=[PEOPLE], postgres=postgres, runHistoryLimit=0)
    )
    env.complete(destinations)
    purge.reset(destinations)
    assert env.complete(destinations).number == 2
    assert [(run.number, run.state) for run in experiment_runs(destinations)] == [
        (2, RunState.COMPLETED)
    ]
