"""Clocks that differ: whatever the operator's shows, the API server's stamps have their age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from rowmill_operator.apiserver.clock import Clock
from rowmill_operator.memory import resources
from rowmill_operator.model.run_condition import timestamp
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.memory_cluster import START
from tests.unit.operator.operator_env import (
    EVENTS,
    EXPERIMENT,
    JOBS,
    PODS,
    Operator,
    Watch,
    status,
    with_operator,
)
from tests.unit.operator.raw_objects import raw_event, raw_pod

POD = f"{PODS}/shop-run-1-3-abcde"
JOB = f"{JOBS}/shop-run-1"
FINALIZE = f"{JOBS}/shop-run-1-finalize"
RUNNING: dict[str, Any] = {"running": {}}
# By the code of before, the first two told nothing of Events, and all of them gave pods up.
differing = pytest.mark.parametrize("minutes", [2, 6, 10, -10, 100_000])


class Env:
    """An operator that has begun a run, and an API server whose clock differs from its own."""

    def __init__(self, operator: Operator, api: FakeApi) -> None:
        self.operator, self.api = operator, api

    def stamp(self, ago: float) -> str:
        return timestamp(self.api.now(ago))

    def pod(self, state: dict[str, Any], **ages: float) -> None:
        """A pod of the run's Job; `ages` say how many seconds ago each of its stamps was made."""
        meta = {name: self.stamp(ago) for name, ago in ages.items()}
        raw = raw_pod(job=self.api.objects[JOB]["metadata"]["uid"], state=state)
        raw["metadata"] |= meta
        self.api.put(POD, raw)
        self.operator.store.see(resources.PODS, raw)

    def warn(self, about: str, kind: str, reason: str, message: str, ago: float) -> None:
        found = self.api.objects[f"{JOBS if kind == 'Job' else PODS}/{about}"]["metadata"]
        last = self.stamp(ago)
        raw = raw_event(about, found["uid"], reason, kind=kind, message=message, last=last)
        self.operator.store.see_warning(raw)

    def end(self, job: str, condition: str, ago: float, **words: str) -> None:
        """Have a Job end as it would by its controller."""
        raw = self.api.objects[job]
        ended = {"type": condition, "status": "True", "lastTransitionTime": self.stamp(ago)}
        raw["status"] = {"conditions": [ended | words]}
        if condition == "Complete":
            raw["status"] |= {"completionTime": self.stamp(ago)}
        self.api.put(job, raw)
        self.operator.store.see(resources.JOBS, raw)

    async def settle(self) -> None:
        await self.operator.settle()

    def run_condition(self) -> tuple[str, str]:
        found = {c["type"]: c for c in status(self.api)["conditions"]}
        return found["Stalled"]["status"], found["Progressing"]["reason"]


def _story(minutes: int, story: Any, **changes: Any) -> None:
    async def reported(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        # As if it had been there for a day: what is new is of the story.
        for path in (JOB, EXPERIMENT):
            api.objects[path]["metadata"]["creationTimestamp"] = timestamp(api.now(86_400))
        api.put(JOB, api.objects[JOB])
        operator.store.see(resources.JOBS, api.objects[JOB])
        await story(Env(operator, api))

    with_operator(reported, behind=timedelta(minutes=minutes), **changes)


@differing
def test_a_deleted_pod_has_its_two_minutes(minutes: int) -> None:
    async def story(env: Env) -> None:
        env.pod(RUNNING, creationTimestamp=3_600, deletionTimestamp=100)
        await env.settle()
        assert POD in env.api.objects
        env.pod(RUNNING, creationTimestamp=3_600, deletionTimestamp=125)
        await env.settle()
        assert POD not in env.api.objects

    _story(minutes, story)


@differing
def test_what_only_events_tell_is_told_while_it_is_fresh(minutes: int) -> None:
    missing = 'secret "warehouse" not found'

    async def story(env: Env) -> None:
        env.warn("shop-run-1", "Job", "FailedCreate", "exceeded quota: none", ago=400)
        await env.settle()
        assert env.run_condition() == ("False", "Starting"), "it is over, or would be told again"
        env.warn("shop-run-1", "Job", "FailedCreate", "exceeded quota: none", ago=10)
        await env.settle()
        assert env.run_condition() == ("True", "QuotaExceeded")
        env.pod({"waiting": {"reason": "ContainerCreating"}}, creationTimestamp=5)
        await env.settle()
        assert env.run_condition() == ("False", "Starting")
        env.warn("shop-run-1-3-abcde", "Pod", "FailedMount", missing, ago=0)
        await env.settle()
        assert env.run_condition() == ("True", "SecretMissing")

    _story(minutes, story)


@differing
def test_pods_that_cannot_start_are_made_anew_after_a_minute(minutes: int) -> None:
    async def story(env: Env) -> None:
        first = env.api.objects[JOB]["metadata"]["uid"]
        pulling = {"waiting": {"reason": "ErrImagePull", "message": "not there"}}
        env.pod(pulling, creationTimestamp=50)
        await env.settle()
        assert env.run_condition() == ("True", "ImagePullFailed")
        assert "deletionTimestamp" not in env.api.objects[JOB]["metadata"]
        env.pod(pulling, creationTimestamp=65)
        await env.settle()
        assert "deletionTimestamp" in env.api.objects[JOB]["metadata"], first

    _story(minutes, story)


@differing
def test_pods_are_out_of_reach_only_after_their_start(minutes: int) -> None:
    async def story(env: Env) -> None:
        for age, reason in ((20, "Starting"), (35, "ProgressUnreachable")):
            env.pod(RUNNING, creationTimestamp=age)
            for _ in range(2):
                env.operator.store.reported(("team", "shop"), "pod-1", None)
            await env.settle()
            assert env.run_condition() == ("False", reason)

    _story(minutes, story)


@differing
def test_a_refused_destination_is_tried_again_after_a_minute(minutes: int) -> None:
    words = {"reason": "PodFailurePolicy", "message": "exit code 65"}

    async def story(env: Env) -> None:
        for age, deleted in ((50, False), (65, True)):
            env.end(JOB, "Failed", age, **words)
            await env.settle()
            assert ("deletionTimestamp" in env.api.objects[JOB]["metadata"]) == deleted

    _story(minutes, story)


@differing
def test_a_last_word_is_awaited_and_what_is_over_goes_by_its_ttl(minutes: int) -> None:
    async def story(env: Env) -> None:
        env.end(JOB, "Complete", 100)
        await env.settle()
        env.end(FINALIZE, "Complete", 5)
        await env.settle()
        assert status(env.api)["phase"] == "Finalizing", "its pod's end may yet be seen"
        env.end(FINALIZE, "Complete", 12)
        await env.settle()
        assert status(env.api)["phase"] == "Complete"
        assert "deletionTimestamp" not in env.api.objects[FINALIZE]["metadata"]
        raw = env.api.objects[EXPERIMENT]
        raw["status"]["run"]["finishedAt"] = env.stamp(301)
        env.api.put(EXPERIMENT, raw)
        env.operator.store.see(resources.EXPERIMENTS, raw)
        await env.settle()
        assert "deletionTimestamp" in env.api.objects[FINALIZE]["metadata"]

    _story(minutes, story, spec={"ttlSecondsAfterFinished": 300})


@differing
def test_what_the_operator_stamps_is_by_the_api_servers_clock(minutes: int) -> None:
    async def story(env: Env) -> None:
        env.end(JOB, "Failed", 30, reason="BackoffLimitExceeded", message="too many")
        await env.settle()
        run, conditions = status(env.api)["run"], status(env.api)["conditions"]
        event = next(raw for path, raw in env.api.objects.items() if path.startswith(EVENTS))
        (failed,) = (one for one in conditions if one["type"] == "Failed")
        stamps = (run["finishedAt"], failed["lastTransitionTime"], event["lastTimestamp"])
        for stamp in stamps:
            assert abs(datetime.fromisoformat(stamp) - env.api.now()) < timedelta(seconds=60)

    _story(minutes, story)


def test_a_clock_that_was_told_nothing_is_the_machines() -> None:
    clock = Clock(Watch())
    clock.heard(None, 1.0, 2.0)
    clock.heard("yesterday", 1.0, 2.0)
    clock.heard("Sun, 01 Mar 2026 12:00:00 -0000", 1.0, 2.0)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_between_answers_it_runs_on_and_by_each_it_is_within_a_second() -> None:
    watch = Watch()
    clock = Clock(watch)
    reported = START + timedelta(seconds=0.9)
    for _ in range(100):
        watch.seconds += 3.7
        reported += timedelta(seconds=3.7)
        clock.heard(_date(reported), watch.seconds - 0.1, watch.seconds)
        assert timedelta() <= reported - clock.now() <= timedelta(seconds=1)
    watch.seconds += 120
    assert reported + timedelta(seconds=119) <= clock.now() <= reported + timedelta(seconds=120)


def test_an_api_server_whose_clock_is_set_is_followed() -> None:
    watch = Watch()
    clock = Clock(watch)
    for hours in (0, 5, -5):
        reported = START + timedelta(hours=hours)
        clock.heard(_date(reported), watch.seconds - 0.1, watch.seconds)
        assert abs(clock.now() - reported) <= timedelta(seconds=1.1)


def _date(moment: datetime) -> str:
    return format_datetime(moment.replace(microsecond=0), usegmt=True)
