"""`abort`, `rerun`, `suspend` and `resume` write what the operator reads, and only when it fits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.namespace import Raw
from rowmill.commands import changes
from rowmill.commands.watching import seconds
from rowmill.engine.consent import WouldDrop
from rowmill.engine.records import RunRecord, State
from rowmill.engine.request import ApplyRequest, Mode
from rowmill.errors import Conflict, RowmillError
from rowmill.spec.cluster_names import RERUN
from rowmill.terminal.failures import UsageError
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables: [{name: people, rows: 9, columns: [{name: id, type: bigint}]}]
  destinations: {postgres: {}}
"""
ABORTED = {"rowmill.dev/abort": "1"}
_RUNNING = experiment("Running")
_STOPPED = experiment("Suspended", spec={"suspend": True})
_GOES_ON = "go on with it: kubectl rowmill resume shop"


def _written(cluster: FakeCluster) -> list[dict[str, Any]]:
    """What was patched, each time of the Experiment as it was read."""
    patches = []
    for patch in cluster.patches:
        metadata = {**patch.get("metadata", {})}
        assert metadata.pop("resourceVersion", "41") == "41"
        rest = {key: value for key, value in patch.items() if key != "metadata"}
        patches.append(rest | ({"metadata": metadata} if metadata else {}))
    return patches


def _patch(change: Callable[[ClusterEngine, str], RunRecord], state: Any) -> Any:
    cluster = FakeCluster([state])
    change(engine_of(cluster), "shop")
    (patch,) = _written(cluster)
    return patch


def test_abort_names_the_run_that_it_ends() -> None:
    assert _patch(ClusterEngine.abort, experiment(number=7)) == {
        "metadata": {"annotations": {"rowmill.dev/abort": "7"}}
    }


ASKED = {"rowmill.dev/rerun": "again"}


@pytest.mark.parametrize(
    ("state", "withdrawn"),
    [
        (experiment(annotations=ASKED), None),
        (experiment(annotations=ASKED, rerun="before"), "before"),
        (experiment(annotations=ASKED, rerun="v2", spec={"rerun": "v2"}), None),
        (experiment("Suspended", annotations=ASKED, spec={"suspend": True}, rows=None), None),
    ],
    ids=["at work", "the second rerun", "beside one in the spec", "suspended"],
)
def test_an_abort_withdraws_a_rerun_that_has_not_begun(state: Any, withdrawn: str | None) -> None:
    if state["status"]["run"]["rows"] is None:
        del state["status"]["run"]["rows"]
    patch = _patch(ClusterEngine.abort, state)
    asked = {"rowmill.dev/abort": "1", "rowmill.dev/rerun": withdrawn}
    assert patch == {"metadata": {"annotations": asked}}


def test_an_abort_ends_a_run_that_is_about_to_be_resumed() -> None:
    failed = experiment("Failed", annotations={"rowmill.dev/resume": "now"}, resume="before")
    assert _patch(ClusterEngine.abort, failed) == {"metadata": {"annotations": ABORTED}}


def test_a_rerun_is_withdrawn_while_the_pods_of_a_suspended_run_end() -> None:
    patch = _patch(ClusterEngine.abort, _ahead("Pending", spec={"suspend": True}))
    asked = {"rowmill.dev/abort": "1", "rowmill.dev/rerun": None}
    assert patch == {"metadata": {"annotations": asked}}


def _ahead(phase: str, **changes: Any) -> Any:
    """Run 1 makes room for the next, whose figures are not known yet."""
    state = experiment(phase, reason="Replacing", annotations=ASKED, **changes)
    del state["status"]["run"]["rows"]
    return state


@pytest.mark.parametrize(
    "state",
    [
        experiment("Complete", annotations=ASKED),
        _ahead("Pending"),
        _ahead("Pending", finishedAt="2026-01-01T00:01:00Z"),
        experiment(spec={"rerun": "v2"}),
        experiment(status={"digest": "sha256:1"}),
    ],
    ids=["asked this moment", "making room", "being planned", "by the spec", "of other data"],
)
def test_a_next_run_that_may_begin_at_any_moment_is_aborted_by_its_own_number(
    state: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = FakeCluster([state])
    changes.abort(engine_of(cluster), "shop")
    assert _written(cluster) == [{"metadata": {"annotations": {"rowmill.dev/abort": "2@3"}}}]
    said = capsys.readouterr()
    assert "run 2 of shop is being aborted" in said.out + said.err


def test_nothing_is_withdrawn_of_an_experiment_that_has_changed_since(
    capsys: pytest.CaptureFixture[str],
) -> None:
    early, late = experiment(annotations=ASKED), _ahead("Pending")
    early["metadata"]["resourceVersion"], late["metadata"]["resourceVersion"] = "7", "8"

    class Busy(FakeCluster):
        def patch(self, name: str, body: Any) -> None:
            if body["metadata"]["resourceVersion"] != "8":
                raise Conflict("Changed", "the object has been modified")
            super().patch(name, body)

    cluster = Busy([early, late])
    changes.abort(engine_of(cluster), "shop")
    asked = {"annotations": {"rowmill.dev/abort": "2@3"}, "resourceVersion": "8"}
    assert cluster.patches == [{"metadata": asked}]


def test_an_abort_beside_an_edit_that_nobody_has_judged_says_what_may_begin(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = FakeCluster([experiment(number=5, status={"observedGeneration": 2})])
    changes.abort(engine_of(cluster), "shop")
    assert _written(cluster) == [{"metadata": {"annotations": {"rowmill.dev/abort": "5"}}}]
    assert "run 6 begins all the same" in capsys.readouterr().err


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
    ("state", "run", "besides"),
    [
        (experiment(annotations=ABORTED), 1, {}),
        (
            experiment("Suspended", annotations=ABORTED, spec={"suspend": True}),
            1,
            {"spec": {"suspend": False}},
        ),
        (experiment("Complete", annotations=ASKED | {"rowmill.dev/abort": "2"}), 2, {}),
        (experiment("Complete", annotations=ASKED | {"rowmill.dev/abort": "2@3"}), 2, {}),
    ],
    ids=["at work", "suspended", "the next", "the next of this edit"],
)
def test_a_resume_calls_off_an_abort_that_the_operator_has_not_met(
    state: Any, run: int, besides: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = FakeCluster([state])
    changes.resume(engine_of(cluster), "shop", wait=False, timeout=None)
    assert _written(cluster) == [
        {"metadata": {"annotations": {"rowmill.dev/abort": None}}} | besides
    ]
    said = capsys.readouterr()
    assert f"run {run} of shop is not aborted yet: that is called off" in said.err
    assert f"run {run} of shop is being resumed" in said.out + said.err


def test_an_abort_that_was_met_or_is_of_another_run_is_left_alone() -> None:
    for number in ("1", "3", "2@2", "3@3"):
        abort = {"rowmill.dev/abort": number}
        suspended = experiment("Suspended", number=2, annotations=abort, spec={"suspend": True})
        assert _patch(ClusterEngine.resume, suspended) == {"spec": {"suspend": False}}


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


@pytest.mark.parametrize("stop", [changes.abort, changes.suspend])
def test_what_is_stopped_is_told_with_the_commands_that_go_on(
    stop: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    stop(engine_of(FakeCluster([experiment()]), options="-n trial"), "shop")
    going_on = "`kubectl rowmill resume shop -n trial` goes on with it"
    again = "`kubectl rowmill rerun shop --restart -n trial` starts over"
    assert f"{going_on}, {again}" in capsys.readouterr().out


def test_a_rerun_of_what_is_suspended_says_how_it_begins(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = FakeCluster([_STOPPED])
    changes.rerun(engine_of(cluster), "shop", restart=True, wait=False, timeout=None)
    assert "starts when it is resumed: `kubectl rowmill resume shop`" in capsys.readouterr().out


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


def test_a_reset_of_before_the_one_that_was_met_stands_in_no_way() -> None:
    """An earlier commit was applied again, of which the operator does nothing."""
    state = experiment("Failed", annotations=RESET, reset={"request": "1.1"})
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
    with pytest.raises(Conflict, match=r"first: kubectl rowmill resume shop$"):
        changes.rerun(engine_of(cluster), "shop", restart=True, wait=True, timeout=None)
    complete = _Operated([experiment("Complete")])
    changes.rerun(engine_of(complete), "shop", restart=False, wait=True, timeout=None)
    assert len(complete.patches) == 1


@pytest.mark.parametrize(
    ("state", "said", "instead"),
    [
        (_RUNNING, "RUNNING", "wait for it: kubectl rowmill status shop -w"),
        (_STOPPED, "SUSPENDED", _GOES_ON),
        (experiment("Failed"), "FAILED", _GOES_ON),
        (experiment("Failed", reason="Aborted", annotations=ABORTED), "ABORTED", _GOES_ON),
    ],
)
def test_a_rerun_drops_an_unfinished_run_only_if_it_may(
    state: Any, said: str, instead: str
) -> None:
    cluster = FakeCluster([state])
    with pytest.raises(WouldDrop) as refused:
        changes.rerun(engine_of(cluster), "shop", restart=False, wait=False, timeout=None)
    assert (refused.value.reason, cluster.patches) == ("UnfinishedRun", [])
    assert str(refused.value) == (
        f"run 1 of shop is {said} and holds 40 rows that would be dropped; {instead}, or add "
        "--restart to drop them"
    )
    changes.rerun(engine_of(cluster), "shop", restart=True, wait=False, timeout=None)
    assert len(cluster.patches) == 1


def test_a_manifest_that_is_applied_for_a_rerun_drops_no_unfinished_run() -> None:
    cluster = FakeCluster([_RUNNING])
    request = ApplyRequest(MANIFEST, mode=Mode.RERUN)
    with pytest.raises(WouldDrop, match="run 1 of shop is RUNNING"):
        engine_of(cluster).apply(request)
    complete = FakeCluster([experiment("Complete")], after_apply=experiment("Complete"))
    engine_of(complete).apply(request)
    [patch] = complete.patches
    assert "rowmill.dev/rerun" in patch["metadata"]["annotations"]


@pytest.mark.parametrize(
    "state",
    [
        experiment("Complete"),
        experiment("Reset"),
        experiment("Suspended", spec={"suspend": True}, finishedAt="2026-01-01T00:01:00Z"),
        experiment("Pending", status={"run": {"number": 2}}),
    ],
)
def test_a_rerun_of_what_has_come_to_its_end_asks_nothing(state: Any) -> None:
    assert _patch(ClusterEngine.rerun, state)


@pytest.mark.parametrize("begin", [partial(changes.rerun, restart=False), changes.resume])
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
