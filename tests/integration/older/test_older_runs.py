"""What the first Rowmill left in ledgers, tables and buckets is read, finished and removed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest

import rowmill
from rowmill.local.servers.embedded import EmbeddedServers
from tests.integration.experiments import Connection
from tests.integration.older.older_env import Left, dumped_digests, restored
from tests.integration.older.older_runs import (
    BUCKET_PUBLISHED,
    ENDED,
    EVERY,
    LOADING,
    PUBLISHED,
    UNFINISHED,
    OlderRun,
)
from tests.integration.older.older_states import DUMP, OBJECTS

BY_NAME = {run.name: run for run in EVERY}
RESET = [run for run in ENDED if run.reset]
# Of those with recorded uploads, which the bucket then dropped: before and while publishing.
DROPPED = [BY_NAME[name] for name in ("publishing", "bucket-loading")]
LIVE = {"RUNNING", "FINALIZING", "PUBLISHING"}
REMOVED = {"published", "publishing", "bucket-replacing"}


def named(run: OlderRun) -> str:
    return run.name


@pytest.fixture(scope="module")
def places(
    servers: EmbeddedServers,
    connect: Callable[[], Connection],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[bool], Left]]:
    """States that tests share, of which each touches an experiment of its own.

    Restored when first asked for, with or without the pending uploads.
    """
    with connect() as connection, pytest.MonkeyPatch.context() as patch:
        made: dict[bool, Left] = {}
        opened = []

        def place(uploads: bool) -> Left:
            if uploads not in made:
                folder = tmp_path_factory.mktemp("left")
                context = restored(servers, connection, folder, uploads=uploads)
                made[uploads] = context.__enter__()
                opened.append(context)
            for name, value in made[uploads].env.items():
                patch.setenv(name, value)
            return made[uploads]

        yield place
        for context in opened:
            context.__exit__(None, None, None)


def test_a_manifest_has_the_digest_that_it_had() -> None:
    ledgers = DUMP.read_text("utf-8") + OBJECTS.read_text("utf-8")
    # How the text of an object stands in the dump.
    plain = ledgers.replace('\\"', '"')
    found = set(re.findall('"digest": "(sha256:[0-9a-f]{64})"', plain))
    assert found == set(dumped_digests().values())


@pytest.mark.usefixtures("long_started")
def test_every_run_is_listed_in_the_state_in_which_it_was_left(left: Left) -> None:
    runs = left.runs()
    assert {name: len(states) for name, states in runs.items()} == {
        run.name: 2 if run.over else 1 for run in EVERY
    }
    for run in EVERY:
        newest = runs[run.name][-1]
        # Of those that nobody ended nobody holds the lock either.
        assert newest == ("INTERRUPTED" if run.state in LIVE else run.state)


def test_the_status_of_a_load_tells_what_of_it_is_durable(left: Left) -> None:
    found = left.rowmill("status", LOADING.name, "-o", "json")
    assert (found["rows"], found["rowsTotal"]) == (30, 2_150)
    assert [(table["name"], table["completedBatches"]) for table in found["tables"]] == [
        ("people", "0"),
        ("marks", ""),
        ("visits", ""),
    ]


@pytest.mark.parametrize("run", UNFINISHED, ids=named)
def test_an_unfinished_run_is_finished(run: OlderRun, places: Callable[[bool], Left]) -> None:
    _is_finished(run, places(True))


@pytest.mark.parametrize("run", DROPPED, ids=named)
def test_an_unfinished_run_whose_uploads_the_bucket_dropped_is_finished(
    run: OlderRun, places: Callable[[bool], Left]
) -> None:
    _is_finished(run, places(False))


def _is_finished(run: OlderRun, left: Left) -> None:
    experiment = left.experiment(run)
    outcome = experiment.run()
    # Data that a crash kept from being published is rolled forward, and the run then repeats it.
    rolled = run.state == "PUBLISHING"
    assert (outcome.resumed, outcome.repeat) == (not rolled, rolled)
    assert (outcome.run.number, outcome.run.state) == (2 if run.over else 1, "COMPLETED")
    report = experiment.verify()
    assert report.identical
    assert {table.table: table.rows for table in report.tables} == experiment.tables
    if "parquet" in run.destinations:
        assert {key.split("/")[1] for key in left.objects(run)} == set(experiment.tables)
        assert len(left.objects(run)) == len(experiment.tables)
        assert left.uploads(run) == set()
    assert not {f"rowmill_run_{outcome.run.id}"} & left.schemas()


@pytest.mark.parametrize("run", [PUBLISHED, BUCKET_PUBLISHED], ids=named)
def test_what_is_published_stays_and_is_not_made_again(
    run: OlderRun, places: Callable[[bool], Left]
) -> None:
    left = places(True)
    before = left.objects(run)
    experiment = left.experiment(run)
    assert experiment.verify().identical
    outcome = experiment.run()
    assert (outcome.repeat, outcome.run.number, outcome.run.state) == (True, 1, "COMPLETED")
    assert left.objects(run) == before
    assert experiment.verify().identical


@pytest.mark.parametrize("run", [PUBLISHED, BUCKET_PUBLISHED], ids=named)
def test_an_older_record_beyond_the_limit_goes_as_any_other(run: OlderRun, left: Left) -> None:
    content = left.manifest(run)
    content["spec"]["runHistoryLimit"] = 0
    experiment = rowmill.load(
        "manifest", text=json.dumps(content), secrets=left.secrets(run), seed=9
    )
    assert experiment.run().run.number == 2
    [kept] = left.rowmill("runs", run.name, "-o", "json")
    assert (kept["number"], kept["state"]) == (2, "COMPLETED")
    assert experiment.verify().identical


@pytest.mark.parametrize("run", RESET, ids=named)
def test_after_a_reset_the_next_run_makes_the_data(
    run: OlderRun, places: Callable[[bool], Left]
) -> None:
    experiment = places(True).experiment(run)
    outcome = experiment.run()
    assert (outcome.repeat, outcome.run.number) == (False, 2)
    assert experiment.verify().identical


def test_a_run_of_another_seed_replaces_what_is_published(left: Left) -> None:
    before = left.objects(PUBLISHED)
    experiment = left.experiment(PUBLISHED, seed=9)
    assert experiment.run().run.number == 2
    assert experiment.verify().identical
    assert not left.objects(PUBLISHED) & before


def test_reset_and_delete_remove_what_was_left(left: Left) -> None:
    every = [run for run in EVERY if run.name in REMOVED]
    for run in every:
        for command in ("reset", "delete") if run.state == "COMPLETED" else ("delete",):
            left.rowmill(command, run.name, "--yes")
        assert left.objects(run) == left.uploads(run) == set()
    assert left.schemas() & REMOVED == set()
    assert left.runs().keys() == BY_NAME.keys() - REMOVED
