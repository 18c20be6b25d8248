"""Pods of numbered runs, in any order and late ones among them, in both ledgers."""

import json
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Lock, Thread
from typing import Any

import pytest

from rowmill.destinations.errors import DestinationRefused, Fenced
from rowmill.destinations.postgres.warehouse import finalize_steps
from rowmill.destinations.postgres.warehouse.warehouse import Warehouse
from rowmill.plan.replacement import Replaced
from rowmill.plan.runs import RESUMABLE, Run, RunState
from rowmill.worker.destinations import Connections, Destinations
from rowmill.worker.finalize import finalize
from rowmill.worker.shard import run_parts
from rowmill.worker.shard_context import shard_context_for
from rowmill.worker.start.prepared import Prepared
from tests.integration.experiments import PEOPLE, Connection, Manifest, manifest
from tests.integration.worker.env import Counts, Env, pod, state

Opened = Callable[[Manifest], tuple[Env, Destinations]]
both_ledgers = pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])


def complete(env: Env, destinations: Destinations, uid: str, number: int) -> Run:
    run = pod(env, destinations, uid, number).run
    env.finalize(destinations, run)
    return run


@both_ledgers
def test_the_pods_of_a_run_share_it_and_its_number_is_the_one_chosen(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, first = opened(manifest(name, postgres=postgres))
    _, second = opened(manifest(name, postgres=postgres))
    one, two = pod(env, first, "a", 5), pod(env, second, "a", 5)
    assert (one.run.number, one.resumed, two.resumed) == (5, False, True)
    assert one.run.id == two.run.id
    run_parts(
        shard_context_for(two.run, env.spec, second), two.run.plan.shard(0), Event(), Counts()
    )
    env.finalize(first, one.run)
    again = pod(env, second, "a", 5)
    assert (again.run.state, again.repeat) == (RunState.COMPLETED, False)


@both_ledgers
def test_the_pods_of_a_run_over_published_data_know_what_it_replaces(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], postgres=postgres))
    assert pod(env, destinations, "a", 1).replaces is None
    complete(env, destinations, "a", 1)
    edited = replaced(env, 1)
    for _ in range(2):
        assert pod(edited, destinations, "a", 2).replaces == Replaced(1, 2_500)
    # An Experiment applied again replaces what the one before it published.
    assert pod(edited, destinations, "b", 1).replaces == Replaced(1, 2_500)


@both_ledgers
def test_pods_that_come_at_once_begin_one_run(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    came = [opened(manifest(name, postgres=postgres)) for _ in range(4)]
    found: list[Prepared] = []
    threads = [
        Thread(target=lambda b=env, d=ends: found.append(pod(b, d, "a", 1))) for env, ends in came
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.run.id for each in found}) == 1
    assert sorted(each.resumed for each in found) == [False, True, True, True]


@both_ledgers
def test_a_complete_experiment_that_is_applied_again_writes_nothing(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = complete(env, destinations, "a", 3)
    again = pod(env, destinations, "b", 1)
    assert (again.repeat, again.run.id) == (True, run.id)
    ledger = destinations.ledger
    assert ledger.runs.uid(destinations.owner) == "a"
    assert [known.id for known in ledger.runs.of(destinations.owner)] == [run.id]


@both_ledgers
def test_an_edited_experiment_applied_again_begins_at_one_and_the_old_pods_are_stale(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], postgres=postgres))
    complete(env, destinations, "a", 1)
    unfinished = pod(replaced(env, 1), destinations, "a", 2).run
    edited = replaced(env, 2)
    begun = pod(edited, destinations, "b", 1)
    assert not begun.repeat
    assert begun.run.number == 1
    assert state(destinations, unfinished) is RunState.ABORTED
    for number in (1, 2, 3):
        with pytest.raises(Fenced, match="applied again"):
            pod(env, destinations, "a", number)
    with pytest.raises(Fenced):
        env.load(destinations, unfinished)
    edited.finalize(destinations, begun.run)
    assert state(destinations, begun.run) is RunState.COMPLETED
    assert [run.id for run in destinations.ledger.runs.of(destinations.owner)] == [begun.run.id]


@both_ledgers
def test_a_newer_number_ends_the_older_whose_late_pods_do_nothing(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    old = pod(env, destinations, "a", 1).run
    env.load(destinations, old, parts=1)
    edited = replaced(env, 1)
    # Number 2 never came to begin.
    new = pod(edited, destinations, "a", 3).run
    assert state(destinations, old) is RunState.ABORTED
    assert destinations.ledger.work.pending_parts(old.id) == {}
    for number in (1, 2):
        with pytest.raises(Fenced, match="run 3 was begun since"):
            pod(env, destinations, "a", number)
    assert state(destinations, old) is RunState.ABORTED
    assert state(destinations, new) is RunState.RUNNING


@both_ledgers
@pytest.mark.parametrize("ended", [RunState.FAILED, RunState.ABORTED])
def test_a_run_that_ended_badly_is_taken_up_with_what_it_has(
    name: str, opened: Opened, postgres: dict[str, str] | None, ended: RunState
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = pod(env, destinations, "a", 1).run
    env.load(destinations, run, parts=1)
    assert destinations.ledger.runs.transition(run.id, RESUMABLE, ended)
    again = pod(env, destinations, "a", 1)
    assert again.run.state is RunState.RUNNING
    assert env.load(destinations, run).made == {"orders": 2_500}


@both_ledgers
def test_finalizing_is_never_turned_back_and_a_second_finalize_goes_on(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = pod(env, destinations, "a", 1).run
    env.load(destinations, run)
    running = frozenset({RunState.RUNNING})
    assert destinations.ledger.runs.transition(run.id, running, RunState.FINALIZING)
    late = pod(env, destinations, "a", 1)
    assert late.run.state is RunState.FINALIZING
    assert state(destinations, run) is RunState.FINALIZING
    assert env.load(destinations, run).made == {}
    env.finalize(destinations, late.run)
    assert state(destinations, run) is RunState.COMPLETED


def test_a_publish_that_was_cut_is_completed_by_its_own_finalize_or_by_the_next_run(
    name: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name))
    assert destinations.lake is not None

    def cut_finalize(number: int, cut: Env) -> Run:
        run = pod(cut, destinations, "a", number).run
        with monkeypatch.context() as patch:
            patch.setattr(type(destinations.lake), "complete", _cut)
            with pytest.raises(ConnectionError):
                cut.finalize(destinations, run)
        assert state(destinations, run) is RunState.PUBLISHING
        return run

    first = cut_finalize(1, env)
    assert pod(env, destinations, "a", 1).run.state is RunState.PUBLISHING
    assert state(destinations, first) is RunState.PUBLISHING
    env.finalize(destinations, first)
    assert state(destinations, first) is RunState.COMPLETED
    edited = replaced(env, 1)
    second = cut_finalize(2, edited)
    begun = pod(env, destinations, "b", 1)
    assert begun.rolled_forward == (2,)
    assert state(destinations, second) is RunState.COMPLETED


def test_a_stale_pod_leaves_a_publish_alone(
    name: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name))
    pod(env, destinations, "a", 1)
    edited = replaced(env, 1)
    run = pod(edited, destinations, "a", 2).run
    monkeypatch.setattr(type(destinations.lake), "complete", _cut)
    with pytest.raises(ConnectionError):
        edited.finalize(destinations, run)
    with pytest.raises(Fenced):
        pod(env, destinations, "a", 1)
    assert state(destinations, run) is RunState.PUBLISHING


def test_a_pod_that_died_before_the_tables_were_made_leaves_them_to_the_next(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name))
    run = pod(env, destinations, "a", 1).run
    assert destinations.warehouse is not None
    destinations.warehouse.drop_staging(run.id)
    pod(env, destinations, "a", 1)
    env.finalize(destinations, run)
    assert state(destinations, run) is RunState.COMPLETED


def test_a_pod_that_prepares_while_the_run_is_published_finds_it_so(
    name: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name))
    _, other = opened(manifest(name))
    run = pod(env, destinations, "a", 1).run
    warehouse = destinations.warehouse
    assert warehouse is not None
    stage = type(warehouse).stage

    def overtaken(self: Warehouse, *arguments: Any) -> None:
        monkeypatch.undo()
        env.finalize(other, run)
        stage(self, *arguments)

    monkeypatch.setattr(type(warehouse), "stage", overtaken)
    late = pod(env, destinations, "a", 1)
    assert (late.run.id, late.run.state) == (run.id, RunState.COMPLETED)


def test_a_repeat_ends_the_unfinished_run_that_it_replaces(name: str, opened: Opened) -> None:
    env, destinations = opened(manifest(name))
    complete(env, destinations, "a", 1)
    edited = replaced(env, 1)
    failed = pod(edited, destinations, "a", 2).run
    edited.load(destinations, failed, parts=1)
    assert pod(env, destinations, "a", 3).repeat
    assert state(destinations, failed) is RunState.ABORTED
    assert destinations.ledger.work.pending_parts(failed.id) == {}


def test_what_is_not_all_there_any_more_is_made_again(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name))
    complete(env, destinations, "a", 1)
    database.execute(f"DROP TABLE {name}.orders")
    begun = pod(env, destinations, "b", 1)
    assert (begun.repeat, begun.run.uid, begun.run.number) == (False, "b", 1)


def test_a_number_that_the_ledger_has_for_another_manifest_is_refused(
    name: str, opened: Opened
) -> None:
    env, destinations = opened(manifest(name, parquet=None))
    pod(env, destinations, "a", 1)
    with pytest.raises(DestinationRefused, match=r"rowmill\.dev/rerun") as refusal:
        pod(replaced(env, 1), destinations, "a", 1)
    assert refusal.value.reason == "NumberTaken"


def test_the_plan_and_data_version_that_the_ledger_has_hold(name: str, opened: Opened) -> None:
    env, destinations = opened(manifest(name, parquet=None))
    run = pod(env, destinations, "a", 1).run
    other, same = opened(manifest(name, parquet=None, batchRows=2_000))
    other.spec = other.spec.at(2)
    assert pod(other, same, "a", 1).run.plan == run.plan
    env.finalize(destinations, run)
    # A release that knows version 2 changes no data of an experiment applied again.
    assert pod(other, same, "b", 1).repeat


def test_another_owner_is_refused_until_it_is_adopted(
    name: str, opened: Opened, reach: Connections
) -> None:
    env, destinations = opened(manifest(name))
    complete(env, destinations, "a", 1)
    env.connections = replace(reach, engine="cluster")
    theirs = env.open_destinations()
    try:
        with pytest.raises(DestinationRefused, match=r"rowmill\.dev/adopt") as refusal:
            pod(env, theirs, "b", 1)
        assert refusal.value.reason == "TargetInUse"
        assert theirs.ledger.runs.uid(theirs.owner) is None
        adopted = pod(env, theirs, "b", 1, adopt=f"tests/local/{name}").run
        env.finalize(theirs, adopted)
        assert state(theirs, adopted) is RunState.COMPLETED
    finally:
        theirs.close()


def test_two_finalizes_at_once_publish_once(name: str, opened: Opened) -> None:
    env, first = opened(manifest(name))
    run = pod(env, first, "a", 1).run
    env.load(first, run)
    _, second = opened(manifest(name))
    failures: list[Exception] = []

    def work(destinations: Destinations) -> None:
        try:
            context = shard_context_for(run, env.spec, destinations)
            counts = Counts()
            finalize(
                context,
                run,
                env.spec,
                destinations,
                Event(),
                counts,
                lambda step: None,
                connections=2,
            )
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [Thread(target=work, args=(ends,)) for ends in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert state(first, run) is RunState.COMPLETED
    assert first.lake is not None
    assert first.lake.published(run)


@pytest.mark.parametrize("doing", ["perform", "_analyze_and_count"])
def test_a_finalize_that_is_overtaken_in_mid_step_ends_well(
    name: str, opened: Opened, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    """Its twin publishes after it was found to be FINALIZING: what it works on is gone."""
    env, first = opened(manifest(name))
    _, second = opened(manifest(name))
    run = pod(env, first, "a", 1).run
    env.load(first, run)
    do = getattr(finalize_steps, doing)
    one = Lock()
    ends: list[RunState] = []

    def overtaken(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(finalize_steps, doing, do)
        with one:
            if not ends:
                env.finalize(second, run)
            ends.append(state(second, run))
        return do(*arguments, **options)

    monkeypatch.setattr(finalize_steps, doing, overtaken)
    env.finalize(first, run)
    assert set(ends) == {RunState.COMPLETED}, "it was overtaken"
    assert state(first, run) is RunState.COMPLETED


def replaced(env: Env, seed: int) -> Env:
    """The same experiment with another seed."""
    content = json.loads(env.text)
    content["spec"]["seed"] = seed
    return Env(content, env.connections)


def _cut(*_: object) -> None:
    raise ConnectionError("cut")
