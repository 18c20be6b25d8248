"""Which verdict on the spec a decision goes by, when the Experiment changes while it is judged."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from rowmill_operator.apiserver.answers import Blocked
from rowmill_operator.memory import resources
from rowmill_operator.model.actions import Validate
from rowmill_operator.model.observed import Verdict
from rowmill_operator.validation.validator import Judgement
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.operator_env import (
    EXPERIMENT,
    JOBS,
    Operator,
    QuickValidator,
    status,
    with_operator,
)
from tests.unit.operator.raw_objects import DIGEST

OTHER = "sha256:" + "b" * 64


def test_a_verdict_on_another_rerun_is_not_written_beside_the_present_one() -> None:
    cluster = MemoryCluster(experiment())
    cluster.finish_run()
    cluster.verdict = Verdict(1, "b", digest=OTHER)
    cluster.settle()
    assert cluster.status["digest"] == cluster.digest
    cluster.restart_operator()
    cluster.settle()
    assert list(cluster.plans) == ["shop-run-1"]


def test_a_rerun_taken_back_while_it_is_judged_starts_no_run() -> None:
    class Judging(QuickValidator):
        operator: Any = None
        api: Any = None

        async def judge(self, namespace: str, manifest: str, wanted: Validate) -> Judgement:
            if wanted.rerun != "b":
                return Judgement(digest=DIGEST)
            _annotate(self.operator, self.api, {})
            return Judgement(digest=OTHER)

    validator = Judging()

    async def story(operator: Operator, api: FakeApi) -> None:
        validator.operator, validator.api = operator, api
        await operator.settle()
        made = [call for call in api.writes() if call[0] != "PATCH"]
        _annotate(operator, api, {"rowmill.dev/rerun": "b"})
        for _ in range(8):
            await operator.look()
            _collect(operator, api)
        assert [call for call in api.writes() if call[0] != "PATCH"] == made
        assert (status(api)["digest"], status(api)["rerun"]) == (DIGEST, "")

    with_operator(story, validator=validator)


def test_what_was_frozen_is_what_was_judged() -> None:
    """A status that tells of another digest than the plan has would start run after run."""
    accepted = {"type": "Accepted", "status": "True", "observedGeneration": 1}
    accepted["lastTransitionTime"] = "2026-03-01T12:00:00Z"
    reported = {"conditions": [accepted], "digest": OTHER, "rerun": ""}

    async def story(operator: Operator, api: FakeApi) -> None:
        for _ in range(8):
            with suppress(Blocked):
                await operator.look()
            _collect(operator, api)
        assert [call for call in api.writes() if call == ("POST", "team/configmaps")] == [
            ("POST", "team/configmaps")
        ]
        assert status(api)["digest"] == DIGEST

    with_operator(story, status=reported)


def _collect(operator: Operator, api: FakeApi) -> None:
    for path in [path for path in api.objects if path.startswith(JOBS)]:
        if "deletionTimestamp" in api.objects[path]["metadata"]:
            operator.store.forget(api.objects.pop(path)["metadata"]["uid"])


def _annotate(operator: Operator, api: FakeApi, annotations: dict[str, str]) -> None:
    raw = copy.deepcopy(api.objects[EXPERIMENT])
    raw["metadata"]["annotations"] = annotations
    api.put(EXPERIMENT, raw)
    operator.store.see(resources.EXPERIMENTS, raw)
