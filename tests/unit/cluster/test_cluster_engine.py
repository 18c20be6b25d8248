"""What a cluster's engine asks of the operator, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rowmill.cluster.engine import ClusterEngine
from rowmill.engine.records import State
from rowmill.engine.request import ApplyRequest, Mode
from rowmill.errors import Conflict, Failed, NotFound, RowmillError, Unsupported
from rowmill.spec.load import Overrides
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop, annotations: {team: mine}}
spec:
  seed: 1
  tables: [{name: orders, rows: 10, columns: [{name: id, type: bigint}]}]
  destinations: {postgres: {secretName: warehouse}}
"""
STUCK = [
    {"type": "Progressing", "status": "False", "reason": "Suspended", "message": "it rests"},
    {"type": "Stalled", "status": "True", "reason": "MountFailed", "message": "no such volume"},
]
ANSWER = {"request": "1", "run": 1, "finishedAt": "2026-01-01T00:09:00Z"}


def verified(**answer: Any) -> dict[str, Any]:
    return experiment("Complete", rows=100, status={"verification": {**ANSWER, **answer}})


def test_a_verify_asks_for_the_published_run_and_waits_for_its_answer() -> None:
    asked = experiment("Complete", annotations={"rowmill.dev/verify": "1"}, rows=100)
    same = verified(identical=True, rows=100, checksum="sha256:ab")
    cluster = FakeCluster([experiment("Complete", rows=100), asked, same])
    shown: list[str] = []
    found = engine_of(cluster).verify("shop", on_progress=lambda now: shown.append(now.phase))
    assert cluster.patches == [{"metadata": {"annotations": {"rowmill.dev/verify": "1"}}}]
    assert (found.run, found.run_id, found.identical, found.rows) == (1, "abc123", True, 100)
    assert (found.checksum, found.seconds) == ("sha256:ab", None)
    assert shown == ["waiting", "waiting"]


def test_each_verify_asks_anew() -> None:
    again = verified(identical=False, request="1.1", differences=3, where="orders in postgres")
    cluster = FakeCluster([verified(identical=True), again])
    found = engine_of(cluster).verify("shop")
    assert cluster.patches == [{"metadata": {"annotations": {"rowmill.dev/verify": "1.1"}}}]
    assert (found.identical, found.differences) == (False, 3)
    assert repr(found) == "<Verification: run 1 differs in orders in postgres>"


@pytest.mark.parametrize(
    ("later", "error"),
    [
        (verified(reason="OOMKilled", message="too little memory"), Failed),
        (experiment("Complete", number=2, id="other", rows=100), Conflict),
    ],
    ids=["no answer", "replaced"],
)
def test_a_verify_without_an_answer_says_why(later: Any, error: type[RowmillError]) -> None:
    with pytest.raises(error):
        engine_of(FakeCluster([experiment("Complete", rows=100), later])).verify("shop")


def test_of_nothing_published_nothing_is_asked() -> None:
    history = [{"number": 1, "phase": "Complete", "rows": 100}]
    reset = experiment("Reset", number=2, status={"history": history})
    for state in (experiment(), reset):
        cluster = FakeCluster([state])
        with pytest.raises(NotFound, match="no run of it is published"):
            engine_of(cluster).verify("shop")
        assert cluster.patches == []


def test_a_reset_waits_until_the_data_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = experiment("Complete", reason="Resetting", message="a pod removes it", rows=100)
    gone = {"request": "1", "tables": 2, "rows": 100, "objects": 3}
    states = [experiment("Complete", rows=100), waiting, waiting, experiment("Reset", reset=gone)]
    cluster = FakeCluster(states)
    run = engine_of(cluster).reset("shop")
    assert cluster.patches == [{"metadata": {"annotations": {"rowmill.dev/reset": "1"}}}]
    assert (run.state, run.message) == (State.RESET, "removed 2 tables (100 rows), 3 objects")
    assert capsys.readouterr().err == "rowmill: shop: a pod removes it\n", "once"


def test_a_run_at_work_is_not_reset_and_what_helps_is_told() -> None:
    with pytest.raises(Conflict) as told:
        engine_of(FakeCluster([experiment()])).reset("shop")
    assert told.value.message == (
        "run 1 of shop is RUNNING: wait for it with `kubectl rowmill status shop -w`, or stop it "
        "with `kubectl rowmill suspend shop` or `kubectl rowmill abort shop`"
    )


def test_a_suspended_run_is_reset_as_the_operator_does_it() -> None:
    stopped = experiment("Suspended", spec={"suspend": True})
    done = experiment("Reset", reset={"request": "1", "tables": 1, "rows": 40})
    cluster = FakeCluster([stopped, done])
    assert engine_of(cluster).reset("shop").message == "removed 1 table (40 rows)"
    assert len(cluster.patches) == 1


@pytest.mark.parametrize(
    ("state", "reason"),
    [(experiment(), "RunLive"), (experiment("Pending", number=None), "NothingToReset")],
)
def test_no_live_run_is_reset(state: Any, reason: str) -> None:
    cluster = FakeCluster([state])
    with pytest.raises(Conflict) as told:
        engine_of(cluster).reset("shop")
    assert (told.value.reason, cluster.patches) == (reason, [])


def test_a_manifest_is_applied_with_what_is_set_over_it() -> None:
    cluster = FakeCluster()
    request = ApplyRequest(MANIFEST, Overrides(seed=7), adopt="else/team/shop", batch_rows=1_000)
    run = engine_of(cluster).apply(request, if_match="41")
    [applied] = cluster.patches
    assert applied["metadata"] == {
        "name": "shop",
        "annotations": {"team": "mine", "rowmill.dev/adopt": "else/team/shop"},
        "resourceVersion": "41",
    }
    assert (applied["spec"]["seed"], applied["spec"]["batchRows"]) == (7, 1_000)
    assert run is not None
    assert run.state is State.PENDING
    assert engine_of(cluster).apply(ApplyRequest(MANIFEST), dry_run=True) is None


def test_what_a_cluster_cannot_take_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    cluster = FakeCluster()
    for request in (
        ApplyRequest(MANIFEST, secrets={"warehouse": tmp_path}),
        ApplyRequest(MANIFEST.replace("rows: 10", "rows: ten")),
    ):
        with pytest.raises(RowmillError):
            engine_of(cluster).apply(request)
    assert cluster.patches == []
    with pytest.raises(Unsupported):
        engine_of(cluster).apply(ApplyRequest(MANIFEST, secrets={"warehouse": tmp_path}))


def test_a_restart_asks_for_the_next_run() -> None:
    cluster = FakeCluster()
    engine_of(cluster).apply(ApplyRequest(MANIFEST, mode=Mode.RESTART))
    assert cluster.patches[0]["metadata"]["annotations"]["rowmill.dev/rerun"]


def leaving(*finalizers: str, phase: str = "Suspended", **changes: Any) -> dict[str, Any]:
    """It was deleted, and its operator is away."""
    state = experiment(phase, spec={"suspend": True, "deletionPolicy": "Purge"}, **changes)
    gone = {"deletionTimestamp": "2026-01-01T00:01:00Z", "finalizers": list(finalizers)}
    state["metadata"] |= gone
    return state


@pytest.mark.parametrize("phase", ["Suspended", "Running", "Complete", "Failed"])
@pytest.mark.parametrize(
    "verb",
    [
        ClusterEngine.abort,
        ClusterEngine.suspend,
        ClusterEngine.resume,
        ClusterEngine.rerun,
        ClusterEngine.verify,
        ClusterEngine.reset,
    ],
)
def test_of_one_that_is_being_deleted_nothing_is_asked(
    verb: Callable[[ClusterEngine, str], object], phase: str
) -> None:
    cluster = FakeCluster([leaving("rowmill.dev/purge", phase=phase)])
    with pytest.raises(Conflict, match="shop is being deleted: its operator is to") as told:
        verb(engine_of(cluster), "shop")
    assert (told.value.reason, cluster.patches) == ("Deleting", [])


def test_what_is_applied_to_one_that_is_being_deleted_is_no_run() -> None:
    class Leaving(FakeCluster):
        def apply(self, document: Any, *, dry_run: bool) -> Any:
            return leaving("rowmill.dev/purge")

    with pytest.raises(Conflict, match="is being deleted"):
        engine_of(Leaving()).apply(ApplyRequest(MANIFEST))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (leaving("rowmill.dev/purge"), "its operator is to remove its data first"),
        (leaving("foregroundDeletion"), "waits for the finalizers foregroundDeletion"),
        (
            leaving("rowmill.dev/purge", status={"conditions": STUCK}),
            "its operator is to remove its data first; MountFailed: no such volume",
        ),
    ],
    ids=["purge", "another's", "stuck"],
)
def test_the_status_of_one_that_is_being_deleted_says_so(state: Any, words: str) -> None:
    run = engine_of(FakeCluster([state])).status("shop").run
    assert run.message == f"is being deleted: {words}"
    assert (run.state, run.reason) == (State.SUSPENDED, "Deleting")


@pytest.mark.parametrize(("purge", "policy"), [(True, "Purge"), (False, "Retain")])
def test_a_delete_says_first_what_becomes_of_the_data(purge: bool, policy: str) -> None:
    cluster = FakeCluster([experiment()])
    told = engine_of(cluster).delete("shop", purge=purge)
    assert told.startswith("shop is being deleted; its data ")
    assert cluster.patches == [{"spec": {"deletionPolicy": policy}}]
    assert cluster.deleted == ["shop"]


def test_a_list_is_cut_into_pages_by_name() -> None:
    names = ("a-shop", "b-shop", "c-shop", "tests")
    engine = engine_of(FakeCluster([experiment(name=name) for name in names]))
    first = engine.list(search="SHOP", limit=2)
    assert ([each.name for each in first.items], first.after) == (["a-shop", "b-shop"], "b-shop")
    second = engine.list(search="SHOP", limit=2, after=first.after)
    assert ([each.name for each in second.items], second.after) == (["c-shop"], None)
    assert engine.list(state=State.FAILED).items == ()


def test_a_run_that_is_past_is_told_from_the_history() -> None:
    history = [{"number": 1, "phase": "Complete", "rows": 100}]
    engine = engine_of(FakeCluster([experiment(number=2, status={"history": history})]))
    assert engine.status("shop", 1).run.state is State.COMPLETED
    assert engine.status("shop", 2).run.number == 2
    assert [now.run.number for now in engine.watch("shop", 1)] == [1]
    with pytest.raises(NotFound, match="of a run 3"):
        engine.status("shop", 3)
