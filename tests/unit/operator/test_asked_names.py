"""What an annotation asks of a run, and the Jobs that are made for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rowmill.spec.cluster_names import REQUEST, RUN, TASK
from rowmill.spec.wishes import Wish, read_wish
from rowmill_operator.children.jobs import reset_job, verify_job
from rowmill_operator.memory.views import read_job
from rowmill_operator.model.desired_state import desired_state_of
from rowmill_operator.model.names import job_name
from tests.unit.operator.memory_cluster import SETTINGS, MemoryCluster


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("3", Wish("3", 3)),
        ("3.2", Wish("3.2", 3, 2)),
        *((text, None) for text in (None, "", "0", "03", "3.", "3.x", " 3", "3\n", "-1", "latest")),
        *((text, None) for text in ("\u0663", "9" * 20)),
    ],
)
def test_a_wish_names_a_run_and_maybe_which_time(text: str | None, wish: Wish | None) -> None:
    assert read_wish(text) == wish


@pytest.mark.parametrize("build", [reset_job, verify_job])
def test_what_is_asked_is_done_by_one_pod_of_todays_image(
    cluster: MemoryCluster, build: Callable[..., dict[str, Any]]
) -> None:
    cluster.settle()
    plan = replace(cluster.plans["shop-run-1"], image="of:an-earlier-release")
    desired = desired_state_of(cluster.experiment, SETTINGS)
    manifest = build(cluster.experiment, plan, desired, SETTINGS, "1.2")
    labels, (container,) = (
        manifest["metadata"]["labels"],
        manifest["spec"]["template"]["spec"]["containers"],
    )
    task = labels[TASK]
    assert manifest["metadata"]["name"] == f"shop-run-1-{task}" == job_name("shop", 1, task)
    assert (container["args"], container["image"]) == ([task], SETTINGS.worker_image)
    assert labels[RUN] == "1"
    assert manifest["metadata"]["annotations"][REQUEST] == "1.2"
    assert "completions" not in manifest["spec"]
    raw = manifest | {"metadata": manifest["metadata"] | {"uid": "u"}}
    assert (read_job(raw).task, read_job(raw).request) == (task, "1.2")
