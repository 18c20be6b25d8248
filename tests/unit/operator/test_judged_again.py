"""A spec that a busy node gave no time to check is judged again, ever more rarely."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fake_api import FakeApi
from memory_cluster import MemoryCluster, experiment
from operator_bed import KEY, Operator, QuickValidator, status, with_operator
from raw_objects import DIGEST, UID, raw_experiment
from test_validator import JUDGE, ask, manifest

from rowmill_operator.observed import Verdict
from rowmill_operator.store import Kind, Store
from rowmill_operator.validator import Judgement

LATE = Verdict(1, "", problems=("too long",), reason="InvalidSpec", passing=True)


def _filled() -> Store:
    store = Store()
    store.see(Kind.EXPERIMENT, raw_experiment())
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
    store = _filled()
    store.judged(KEY, UID, LATE)
    now = datetime.now(UTC)
    assert list(store.tidy(now + timedelta(minutes=4))) == []
    assert _verdict(store) is LATE
    assert list(store.tidy(now + timedelta(minutes=6))) == [KEY]
    assert _verdict(store) is None


def test_each_time_it_takes_twice_as_long_but_never_for_good() -> None:
    store, waits = _filled(), []
    for _ in range(9):
        store.judged(KEY, UID, LATE)
        now, minutes = datetime.now(UTC), 0
        while not list(store.tidy(now + timedelta(minutes=minutes))):
            minutes += 1
        waits.append(minutes)
    assert waits == sorted(waits)
    assert waits[1] > waits[0]
    assert waits[-1] == waits[-2]


def test_another_verdict_stays() -> None:
    store = _filled()
    store.judged(KEY, UID, LATE)
    store.judged(KEY, UID, Verdict(1, "", problems=("wrong",), reason="InvalidSpec"))
    assert list(store.tidy(datetime.now(UTC) + timedelta(days=1))) == []
    assert _verdict(store) is not None


def test_the_operator_judges_again_and_begins_the_run() -> None:
    validator = QuickValidator(
        Judgement(problems=("too long",), reason="InvalidSpec", passing=True)
    )

    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        assert status(api)["phase"] == "Pending"
        validator.verdict = Judgement(digest=DIGEST)
        for key in operator.store.tidy(datetime.now(UTC) + timedelta(hours=1)):
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
