"""`abort`, `rerun`, `suspend` and `resume` write what the operator reads, and only when it fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rowmill.cluster.namespace import Cluster
from rowmill.errors import RowmillError
from rowmill.kubectl import awaited
from rowmill.kubectl.awaited import seconds
from rowmill.kubectl.changes import abort, rerun, resume, suspend
from rowmill.terminal.failures import UsageError
from tests.unit.kubectl.fake_cluster import FakeCluster, experiment

ABORTED = {"rowmill.dev/abort": "1"}


def _patch(change: Callable[[Cluster, str], None], state: Any) -> Any:
    cluster = FakeCluster([state])
    change(cluster, "shop")
    (patch,) = cluster.patches
    return patch


def test_abort_names_the_run_that_it_ends() -> None:
    assert _patch(abort, experiment(number=7)) == {
        "metadata": {"annotations": {"rowmill.dev/abort": "7"}}
    }


def test_each_rerun_asks_for_another_run_and_none_stays_aborted() -> None:
    patches = [_patch(rerun, experiment("Complete")) for _ in range(2)]
    asked = [patch["metadata"]["annotations"] for patch in patches]
    assert asked[0]["rowmill.dev/rerun"] != asked[1]["rowmill.dev/rerun"]
    assert asked[0]["rowmill.dev/abort"] is None


def test_suspend_and_resume_change_the_spec_alone() -> None:
    assert _patch(suspend, experiment()) == {"spec": {"suspend": True}}
    suspended = experiment("Suspended", spec={"suspend": True})
    assert _patch(resume, suspended) == {"spec": {"suspend": False}}


def test_a_failed_run_is_taken_up_again_and_not_aborted_again() -> None:
    patch = _patch(resume, experiment("Failed", reason="Aborted", annotations=ABORTED))
    assert patch["metadata"]["annotations"].pop("rowmill.dev/resume")
    assert patch == {"metadata": {"annotations": {"rowmill.dev/abort": None}}}


def test_a_run_that_is_failed_and_suspended_is_helped_out_of_both() -> None:
    patch = _patch(resume, experiment("Failed", spec={"suspend": True}))
    assert patch["spec"] == {"suspend": False}
    assert patch["metadata"]["annotations"]["rowmill.dev/resume"]


@pytest.mark.parametrize(
    ("change", "state", "message"),
    [
        (abort, experiment("Complete"), "nothing to abort"),
        (abort, experiment("Failed"), "nothing to abort"),
        (abort, experiment("Pending", number=None), "no run yet"),
        (suspend, experiment("Suspended", spec={"suspend": True}), "suspended already"),
        (resume, experiment("Running"), "neither suspended nor failed"),
        (resume, experiment("Complete"), "neither suspended nor failed"),
        (rerun, experiment(name="other"), "no Experiment"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    change: Callable[[Cluster, str], None], state: Any, message: str
) -> None:
    cluster = FakeCluster([state])
    with pytest.raises(RowmillError, match=message):
        change(cluster, "shop")
    assert cluster.patches == []


def test_a_rerun_of_what_is_suspended_is_not_waited_for() -> None:
    cluster = FakeCluster([experiment("Suspended", spec={"suspend": True})])
    with pytest.raises(UsageError, match="first: kubectl rowmill resume shop"):
        awaited.rerun(cluster, "shop", wait=True, timeout=None)
    assert cluster.patches == []
    complete = FakeCluster([experiment("Complete")])
    awaited.rerun(complete, "shop", wait=True, timeout=None)
    assert len(complete.patches) == 1


@pytest.mark.parametrize("begin", [awaited.rerun, awaited.resume])
def test_a_timeout_without_a_wait_changes_nothing(begin: Callable[..., None]) -> None:
    cluster = FakeCluster([experiment("Failed", spec={"suspend": True})])
    with pytest.raises(UsageError, match="--timeout is for --wait"):
        begin(cluster, "shop", wait=False, timeout="5m")
    assert cluster.patches == []


def test_a_timeout_is_a_duration_and_of_a_wait() -> None:
    assert seconds(None, wait=False) is None
    assert seconds("1h30m", wait=True) == 5_400
    with pytest.raises(UsageError, match="--timeout is for --wait"):
        seconds("5m", wait=False)
    with pytest.raises(UsageError, match="--timeout '5 min' is no duration"):
        seconds("5 min", wait=True)
