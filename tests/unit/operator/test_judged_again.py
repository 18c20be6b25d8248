"""A spec that a busy node gave no time to check is judged again, ever more rarely."""

from __future__ import annotations

from rowmill_operator.memory import resources
from rowmill_operator.memory.store import Store
from rowmill_operator.model.observed import Verdict
from rowmill_operator.validation.validator import Judgement
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.memory_cluster import START, MemoryCluster, experiment
from tests.unit.operator.operator_env import (
    KEY,
    Operator,
    QuickValidator,
    Watch,
    status,
    with_operator,
)
from tests.unit.operator.raw_objects import DIGEST, UID, raw_experiment
from tests.unit.operator.test_validator import JUDGE, ask, manifest

LATE = Verdict(1, "", problems=("too long",), reason="InvalidSpec", passing=True)


def _filled(watch: Watch) -> Store:
    store = Store(watch)
    store.see(resources.EXPERIMENTS, raw_experiment())
    return store


def _verdict(store: Store) -> Verdict | None:
    observed = store.gather(KEY)
    assert observed is not None
    return observed.verdict


def test_only_a_lack_of_time_may_be_the_nodes_fault() -> None:
    late = ask(lambda validator: validator.judge("team", manifest(), JUDGE), seconds=0.001)
    assert late.problems
    assert late.passing
    wrong = ask(lambda validator: validator.judge("team", manifest(seed="x"), JUDGE))
    assert wrong.problems
    assert not wrong.passing


def test_a_verdict_that_may_pass_is_dropped_after_some_minutes() -> None:
    watch = Watch()
    store = _filled(watch)
    store.judged(KEY, UID, LATE)
    watch.seconds += 240
    assert list(store.tidy(START)) == []
    assert _verdict(store) is LATE
    watch.seconds += 120
    assert list(store.tidy(START)) == [KEY]
    assert _verdict(store) is None


def test_each_time_it_takes_twice_as_long_but_never_for_good() -> None:
    watch, waits = Watch(), []
    store = _filled(watch)
    for _ in range(9):
        store.judged(KEY, UID, LATE)
        since = watch.seconds
        while not list(store.tidy(START)):
            watch.seconds += 60
        waits.append(watch.seconds - since)
    assert waits == sorted(waits)
    assert waits[1] > waits[0]
    assert waits[-1] == waits[-2]


def test_another_verdict_stays() -> None:
    watch = Watch()
    store = _filled(watch)
    store.judged(KEY, UID, LATE)
    store.judged(KEY, UID, Verdict(1, "", problems=("wrong",), reason="InvalidSpec"))
    watch.seconds += 86_400
    assert list(store.tidy(START)) == []
    assert _verdict(store) is not None


def test_the_operator_judges_again_and_begins_the_run() -> None:
    validator = QuickValidator(
        Judgement(problems=("too long",), reason="InvalidSpec", passing=True)
    )

    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        assert status(api)["phase"] == "Pending"
        validator.verdict = Judgement(digest=DIGEST)
        operator.watch.seconds += 3_600
        for key in operator.store.tidy(START):
            operator.queue.add(key)
        await operator.settle()
        assert status(api)["run"]["number"] == 1

    with_operator(story, validator=validator)


def test_a_purge_waits_for_the_judgement_that_its_plan_needs() -> None:
    cluster = MemoryCluster(experiment(settings={"deletionPolicy": "Purge"}))
    cluster.finish_run()
    cluster.delete()
    cluster.plans.clear()
    cluster.jobs.clear()
    cluster.verdict = LATE
    cluster.look()
    assert cluster.purges == []
    assert not cluster.plans
    assert cluster.last.again_after is not None
