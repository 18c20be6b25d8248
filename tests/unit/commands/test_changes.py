"""`abort`, `rerun`, `suspend` and `resume` write what the operator reads, and only when it fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.namespace import Raw
from rowmill.commands import changes
from rowmill.commands.watching import seconds
from rowmill.engine.records import RunRecord, State
from rowmill.errors import Conflict, RowmillError
from rowmill.spec.cluster_names import RERUN
from rowmill.terminal.failures import UsageError
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment

ABORTED = {"rowmill.dev/abort": "1"}


def _patch(change: Callable[[ClusterEngine, str], RunRecord], state: Any) -> Any:
    cluster = FakeCluster([state])
    change(engine_of(cluster), "shop")
    (patch,) = cluster.patches
    return patch


def test_abort_names_the_run_that_it_ends() -> None:
    assert _patch(ClusterEngine.abort, experiment(number=7)) == {
        "metadata": {"annotations": {"rowmill.dev/abort": "7"}}
    }


def test_each_rerun_asks_for_another_run_and_none_stays_aborted() -> None:
    patches = [_patch(ClusterEngine.rerun, experiment("Complete")) for _ in range(2)]
    asked = [patch["metadata"]["annotations"] for patch in patches]
    assert asked[0]["rowmill.dev/rerun"] != asked[1]["rowmill.dev/rerun"]
    assert asked[0]["rowmill.dev/abort"] is None


def test_suspend_and_resume_change_the_spec_alone() -> None:
    assert _patch(ClusterEngine.suspend, experiment()) == {"spec": {"suspend": True}}
    suspended = experiment("Suspended", spec={"suspend": True})
    assert _patch(ClusterEngine.resume, suspended) == {"spec": {"suspend": False}}


def test_a_failed_run_is_taken_up_again_and_not_aborted_again() -> None:
    patch = _patch(
        ClusterEngine.resume, experiment("Failed", reason="Aborted", annotations=ABORTED)
    )
    assert patch["metadata"]["annotations"].pop("rowmill.dev/resume")
    assert patch == {"metadata": {"annotations": {"rowmill.dev/abort": None}}}


def test_a_run_that_is_failed_and_suspended_is_helped_out_of_both() -> None:
    patch = _patch(ClusterEngine.resume, experiment("Failed", spec={"suspend": True}))
    assert patch["spec"] == {"suspend": False}
    assert patch["metadata"]["annotations"]["rowmill.dev/resume"]


@pytest.mark.parametrize(
    ("change", "state", "message"),
    [
        (ClusterEngine.abort, experiment("Complete"), "nothing to abort"),
        (ClusterEngine.abort, experiment("Failed"), "nothing to abort"),
        (ClusterEngine.abort, experiment("Pending", number=None), "no run yet"),
        (
            ClusterEngine.suspend,
            experiment("Suspended", spec={"suspend": True}),
            "suspended already",
        ),
        (ClusterEngine.resume, experiment("Running"), "neither suspended nor failed"),
        (ClusterEngine.resume, experiment("Complete"), "neither suspended nor failed"),
        (ClusterEngine.rerun, experiment(name="other"), "no Experiment"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    change: Callable[[ClusterEngine, str], RunRecord], state: Any, message: str
) -> None:
    cluster = FakeCluster([state])
    with pytest.raises(RowmillError, match=message):
        change(engine_of(cluster), "shop")
    assert cluster.patches == []


RESET = {"rowmill.dev/reset": "1"}


def test_a_run_that_is_being_reset_is_not_resumed() -> None:
    """Its phase is that of before until its data is gone, and no resume is met any more."""
    cluster = FakeCluster([experiment("Failed", reason="Resetting", annotations=RESET)])
    with pytest.raises(Conflict, match=r"run 1 of shop is being reset.*rerun") as told:
        changes.resume(engine_of(cluster), "shop", wait=True, timeout=None)
    assert (told.value.reason, cluster.patches) == ("NothingToResume", [])


@pytest.mark.parametrize(
    "annotations", [RESET, {"rowmill.dev/reset": "2"}, {"rowmill.dev/reset": "1.x"}]
)
def test_a_run_is_resumed_where_no_reset_stands(annotations: dict[str, str]) -> None:
    """One that was met, that names another run, or that is none."""
    state = experiment("Failed", annotations=annotations, reset={"request": "1"})
    assert engine_of(FakeCluster([state])).resume("shop").number == 1


def test_a_run_that_is_reset_while_its_end_is_waited_for_is_no_success() -> None:
    cluster = FakeCluster([experiment("Failed"), experiment("Failed"), experiment("Reset")])
    with pytest.raises(Conflict, match="run 1 of shop was reset meanwhile") as told:
        changes.resume(engine_of(cluster), "shop", wait=True, timeout=None)
    assert told.value.reason == "Replaced"


def test_what_was_asked_for_and_has_ended_is_no_longer_waited_for() -> None:
    """A program that keeps its engine watches what it has reset itself."""
    gone = experiment("Reset", reset={"request": "1"})
    complete = experiment("Complete")
    engine = engine_of(_Operated([complete, complete, complete, gone]))
    engine.rerun("shop")
    engine.reset("shop")
    assert [now.run.state for now in engine.watch("shop")] == [State.RESET]


class _Operated(FakeCluster):
    """Its newest run is that of the last rerun."""

    def experiment(self, name: str) -> Raw:
        found = super().experiment(name)
        run = {**found["status"]["run"], "rerun": found["metadata"]["annotations"].get(RERUN, "")}
        return {**found, "status": {**found["status"], "run": run}}


def test_a_rerun_of_what_is_suspended_is_not_waited_for() -> None:
    cluster = FakeCluster([experiment("Suspended", spec={"suspend": True})])
    with pytest.raises(Conflict, match="first: resume shop"):
        changes.rerun(engine_of(cluster), "shop", wait=True, timeout=None)
    complete = _Operated([experiment("Complete")])
    changes.rerun(engine_of(complete), "shop", wait=True, timeout=None)
    assert len(complete.patches) == 1


@pytest.mark.parametrize("begin", [changes.rerun, changes.resume])
def test_a_timeout_without_a_wait_changes_nothing(begin: Callable[..., None]) -> None:
    cluster = FakeCluster([experiment("Failed", spec={"suspend": True})])
    with pytest.raises(UsageError, match="--timeout is for --wait"):
        begin(engine_of(cluster), "shop", wait=False, timeout="5m")
    assert cluster.patches == []


def test_a_timeout_is_a_duration_and_of_a_wait() -> None:
    assert seconds(None, wait=False) is None
    assert seconds("1h30m", wait=True) == 5_400
    with pytest.raises(UsageError, match="--timeout is for --wait"):
        seconds("5m", wait=False)
    with pytest.raises(UsageError, match="--timeout '5 min' is no duration"):
        seconds("5 min", wait=True)
