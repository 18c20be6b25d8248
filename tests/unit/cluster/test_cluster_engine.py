"""What a cluster's engine asks of the operator, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Raw
from rowmill.engine.records import State
from rowmill.engine.request import ApplyRequest, Mode
from rowmill.engine.warehouse import WarehouseUnreachable
from rowmill.errors import Conflict, Failed, NotFound, RowmillError, Unsupported
from rowmill.spec.load import Overrides
from rowmill.spec.manifest.structure import read_structure
from rowmill.spec.wishes import read_wish
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


def _asking(annotations: dict[str, str]) -> dict[str, Any]:
    """What asks it of the Experiment as it was looked at, and of no other state of it."""
    return {"metadata": {"annotations": annotations, "resourceVersion": "41"}}


def test_a_verify_asks_for_the_published_run_and_waits_for_its_answer() -> None:
    asked = experiment("Complete", annotations={"rowmill.dev/verify": "1"}, rows=100)
    same = verified(identical=True, rows=100, checksum="sha256:ab")
    cluster = FakeCluster([experiment("Complete", rows=100), asked, same])
    shown: list[str] = []
    found = engine_of(cluster).verify("shop", on_progress=lambda now: shown.append(now.phase))
    assert cluster.patches == [_asking({"rowmill.dev/verify": "1"})]
    assert (found.run, found.run_id, found.identical, found.rows) == (1, "abc123", True, 100)
    assert (found.checksum, found.seconds) == ("sha256:ab", None)
    assert shown == ["waiting"]


def _planned_next(**status: Any) -> dict[str, Any]:
    """Run 1 is published and no history is kept; the next run is planned, and hides its figures."""
    state = experiment("Pending", outcome="Complete", status={"history": [], **status})
    state["status"]["run"] |= {"finishedAt": "2026-01-01T00:01:00Z"}
    del state["status"]["run"]["rows"]
    return state


def test_a_verify_goes_on_while_the_next_run_is_merely_planned() -> None:
    answer = {**ANSWER, "identical": True, "rows": 100}
    planned, answered = _planned_next(), _planned_next(verification=answer)
    cluster = FakeCluster([experiment("Complete", rows=100), planned, answered])
    found = engine_of(cluster).verify("shop")
    assert (found.run, found.run_id, found.identical) == (1, "abc123", True)


def test_a_verify_can_be_asked_for_while_the_next_run_is_merely_planned() -> None:
    answered = _planned_next(verification={**ANSWER, "identical": True, "rows": 100})
    cluster = FakeCluster([_planned_next(), answered])
    assert engine_of(cluster).verify("shop").run == 1


def test_a_verify_that_makes_way_for_the_next_run_is_asked_anew_of_that() -> None:
    past = [{"number": 1, "id": "abc123", "phase": "Complete", "rows": 100}]
    next_run: dict[str, Any] = {"number": 2, "id": "other", "rows": 100}
    answer = {**ANSWER, "request": "2", "run": 2, "identical": True, "rows": 100}
    publishing, replaced, answered = (
        experiment(phase, status={"history": past, **status}, **next_run)
        for phase, status in (
            ("Finalizing", {}),
            ("Complete", {}),
            ("Complete", {"verification": answer}),
        )
    )
    first = experiment("Complete", rows=100)
    # It is looked at once more to be asked anew.
    cluster = FakeCluster([first, publishing, replaced, replaced, answered])
    told: list[str] = []
    engine = replace(engine_of(cluster), notice=told.append)
    found = engine.verify("shop")
    assert (found.run, found.run_id, found.identical) == (2, "other", True)
    asked = [patch["metadata"]["annotations"]["rowmill.dev/verify"] for patch in cluster.patches]
    assert asked == ["1", "2"]
    assert told == ["shop: run 2 has taken the place of run 1, and is verified instead"]


def test_each_verify_asks_anew() -> None:
    again = verified(identical=False, request="1.1", differences=3, where="orders in postgres")
    cluster = FakeCluster([verified(identical=True), again])
    found = engine_of(cluster).verify("shop")
    assert cluster.patches == [_asking({"rowmill.dev/verify": "1.1"})]
    assert (found.identical, found.differences) == (False, 3)
    assert repr(found) == "<Verification: run 1 differs in orders in postgres>"


@pytest.mark.parametrize(
    ("asked", "request_of_next"),
    [
        ("1", "1.1"),
        ("1.9", "1.10"),
        ("2.5", "1"),
        ("1.999999998", "1.999999999"),
        *((text, "1") for text in ("1.x", "1.1.1", "01", "1.9999999999", "latest")),
    ],
)
def test_what_asks_again_is_what_the_operator_reads(asked: str, request_of_next: str) -> None:
    """What it reads as no request at all counts for nothing."""
    state = Experiment(experiment("Complete", annotations={"rowmill.dev/verify": asked}))
    assert state.next_request("rowmill.dev/verify", 1) == request_of_next
    wish = read_wish(request_of_next)
    assert wish is not None
    assert wish.number == 1


@pytest.mark.parametrize("where", ["annotation", "answer"])
def test_after_the_last_request_there_is_none(where: str) -> None:
    last = "1.999999999"
    cluster = FakeCluster(
        [
            experiment("Complete", rows=100, annotations={"rowmill.dev/verify": last})
            if where == "annotation"
            else verified(identical=True, request=last)
        ]
    )
    with pytest.raises(Conflict, match=r"asked for as 1\.999999999.*a rerun can be") as told:
        engine_of(cluster).verify("shop")
    assert (told.value.reason, cluster.patches) == ("AskedTooOften", [])


@pytest.mark.parametrize(
    ("later", "error"),
    [
        (verified(reason="OOMKilled", message="too little memory"), Failed),
        (experiment("Reset"), Conflict),
    ],
    ids=["no answer", "its data was removed"],
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
    gone = experiment("Reset", reset={"request": "1"}, run_message="removed 2 tables (100 rows)")
    states = [experiment("Complete", rows=100), waiting, waiting, gone]
    cluster = FakeCluster(states)
    run = engine_of(cluster).reset("shop")
    assert cluster.patches == [_asking({"rowmill.dev/reset": "1"})]
    assert (run.state, run.message) == (State.RESET, "removed 2 tables (100 rows)")
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
    done = experiment("Reset", reset={"request": "1"}, run_message="removed 1 table (40 rows)")
    cluster = FakeCluster([stopped, done])
    assert engine_of(cluster).reset("shop").message == "removed 1 table (40 rows)"
    assert len(cluster.patches) == 1


@pytest.mark.parametrize(
    ("message", "counted"),
    [
        ("removed 5 tables; left: objects of run 1: bucket b is out of reach", {"tables": 5}),
        ("the data in pg is another Experiment's of this name, and stays", {"tables": 0}),
        ("its data was removed", {}),
    ],
)
def test_what_a_reset_came_to_is_told_in_the_words_of_the_status(
    message: str, counted: dict[str, int]
) -> None:
    """Figures alone do not tell what was left, nor why."""
    done = experiment("Reset", reset={"request": "1", **counted}, run_message=message)
    run = engine_of(FakeCluster([experiment("Complete", rows=100), done])).reset("shop")
    assert run.message == message


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
    [applied] = cluster.applied
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
    assert cluster.applied == []
    with pytest.raises(Unsupported):
        engine_of(cluster).apply(ApplyRequest(MANIFEST, secrets={"warehouse": tmp_path}))


ABORT, RERUN, RESUME = (f"rowmill.dev/{verb}" for verb in ("abort", "rerun", "resume"))


@pytest.mark.parametrize(
    ("mode", "state", "asked"),
    [
        (Mode.RESTART, experiment("Complete"), RERUN),
        (Mode.RESTART, experiment("Running"), RERUN),
        (Mode.RESUME, experiment("Failed"), RESUME),
    ],
)
def test_what_is_asked_of_a_run_is_no_part_of_what_is_applied(
    mode: Mode, state: Raw, asked: str
) -> None:
    """The next apply of the same manifest would take it off again, which asks for another run."""
    cluster = FakeCluster(after_apply=state)
    run = engine_of(cluster).apply(ApplyRequest(MANIFEST, mode=mode))
    [applied], [patch] = cluster.applied, cluster.patches
    assert applied["metadata"]["annotations"] == {"team": "mine"}
    assert set(patch) == {"metadata"}
    assert set(patch["metadata"]["annotations"]) == {asked, ABORT}
    assert patch["metadata"]["annotations"][asked]
    assert patch["metadata"]["annotations"][ABORT] is None
    assert run is not None
    assert (run.number, run.state) == (1 if mode is Mode.RESUME else None, State.PENDING)


def _of_manifest(phase: str, seed: int, **changes: Any) -> dict[str, Any]:
    """Its spec is that of the manifest with this seed, as the operator has seen it."""
    applied: Any = read_structure(MANIFEST.replace("seed: 1", f"seed: {seed}")).raw
    status = {"digest": "sha256:0", **changes.pop("status", {})}
    return experiment(phase, spec=applied["spec"], status=status, **changes)


@pytest.mark.parametrize(
    ("mode", "phase"),
    [(Mode.RESTART, "Running"), (Mode.RERUN, "Complete"), (Mode.RESUME, "Failed")],
)
def test_a_changed_spec_begins_its_run_by_itself(mode: Mode, phase: str) -> None:
    """Asked for in a second request, it would be another one, which ends the first."""
    before, after = _of_manifest(phase, 1), _of_manifest(phase, 2)
    cluster = FakeCluster([before], after_apply=after)
    run = engine_of(cluster).apply(ApplyRequest(MANIFEST, mode=mode))
    assert cluster.patches == []
    assert run is not None
    assert (run.number, run.state) == (None, State.PENDING)


@pytest.mark.parametrize(
    "before",
    [
        # The newest run may be of the spec that is applied: then none begins by itself.
        _of_manifest("Running", 1, status={"digest": "sha256:1"}),
        _of_manifest("Running", 1, status={"observedGeneration": 2}),
        _of_manifest("Running", 1, annotations={RERUN: "now"}),
        # The next run would be aborted before it begins.
        _of_manifest("Running", 1, annotations={ABORT: "2"}),
        # It does not change the data.
        _of_manifest("Running", 2),
    ],
)
def test_a_run_that_may_not_begin_by_itself_is_asked_for(before: Raw) -> None:
    cluster = FakeCluster([before], after_apply=_of_manifest("Running", 2))
    engine_of(cluster).apply(ApplyRequest(MANIFEST, mode=Mode.RESTART))
    [patch] = cluster.patches
    assert set(patch["metadata"]["annotations"]) == {RERUN, ABORT}


@pytest.mark.parametrize("mode", Mode)
def test_an_experiment_without_a_run_begins_its_first_whatever_is_asked(mode: Mode) -> None:
    cluster = FakeCluster()
    run = engine_of(cluster).apply(ApplyRequest(MANIFEST, mode=mode))
    assert cluster.patches == []
    assert run is not None
    assert (run.number, run.state) == (None, State.PENDING)


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


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.RESUME])
@pytest.mark.parametrize("phase", ["Complete", "Reset"])
def test_an_unchanged_manifest_whose_run_has_ended_begins_none(mode: Mode, phase: str) -> None:
    cluster = FakeCluster(after_apply=experiment(phase))
    assert engine_of(cluster).apply(ApplyRequest(MANIFEST, mode=mode)) is None
    assert cluster.patches == []


def test_the_record_of_an_apply_is_of_the_run_that_answers_it() -> None:
    unseen = FakeCluster(after_apply=experiment("Complete", status={"observedGeneration": 2}))
    run = engine_of(unseen).apply(ApplyRequest(MANIFEST))
    assert run is not None
    assert (run.number, run.state) == (None, State.PENDING)
    going = engine_of(FakeCluster(after_apply=experiment())).apply(ApplyRequest(MANIFEST))
    assert going is not None
    assert (going.number, going.state) == (1, State.RUNNING)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (experiment("Complete"), State.PENDING),
        (experiment("Complete", spec={"suspend": True}), State.SUSPENDED),
    ],
)
def test_the_record_of_a_rerun_is_of_the_next_run(state: Raw, expected: State) -> None:
    run = engine_of(FakeCluster([state])).rerun("shop")
    assert (run.number, run.rows, run.state) == (None, 0, expected)


@pytest.mark.parametrize(
    "state",
    [experiment("Failed"), experiment("Suspended", spec={"suspend": True})],
    ids=["failed", "suspended"],
)
def test_the_record_of_a_resume_is_of_the_run_that_goes_on(state: Raw) -> None:
    run = engine_of(FakeCluster([state])).resume("shop")
    assert (run.number, run.rows, run.state, run.reason) == (1, 40, State.PENDING, None)


@pytest.mark.parametrize("phase", ["Complete", "Failed", "Reset"])
def test_a_run_that_has_ended_is_not_suspended(phase: str) -> None:
    cluster = FakeCluster([experiment(phase)])
    with pytest.raises(Conflict, match=rf"run 1 of shop has ended \({phase}\)") as told:
        engine_of(cluster).suspend("shop")
    assert (told.value.reason, cluster.patches) == ("NothingToSuspend", [])


def test_a_run_that_is_asked_for_is_held_before_it_begins() -> None:
    cluster = FakeCluster([experiment("Complete", annotations={RERUN: "again"})])
    assert engine_of(cluster).suspend("shop").number is None
    assert cluster.patches == [{"spec": {"suspend": True}}]


class _Written(FakeCluster):
    """Somebody writes the Experiment between the first look at it and the patch that follows."""

    def patch(self, name: str, body: Raw) -> None:
        super().patch(name, body)
        if self.looks == 1:
            raise Conflict("Changed", "the object has been modified")


def test_a_purge_is_held_by_the_operators_finalizer_before_it_is_deleted() -> None:
    """The operator sets its finalizer one look after the policy: without it nothing is purged."""
    state = experiment()
    state["metadata"]["finalizers"] = ["of.another/one"]
    cluster = FakeCluster([state])
    told = engine_of(cluster).delete("shop", purge=True)
    assert told.endswith("is being deleted; its data goes with it")
    assert cluster.patches == [
        {
            "metadata": {
                "finalizers": ["of.another/one", "rowmill.dev/purge"],
                "resourceVersion": "41",
            },
            "spec": {"deletionPolicy": "Purge"},
        }
    ]
    assert cluster.deleted == [("shop", "uid-of-shop")]


def test_a_purge_takes_no_finalizer_twice_and_looks_again_at_what_was_written_meanwhile() -> None:
    later = experiment()
    later["metadata"] |= {"finalizers": ["rowmill.dev/purge"], "resourceVersion": "42"}
    cluster = _Written([experiment(), later])
    engine_of(cluster).delete("shop", purge=True)
    assert [patch["metadata"] for patch in cluster.patches] == [
        {"finalizers": ["rowmill.dev/purge"], "resourceVersion": version}
        for version in ("41", "42")
    ]
    assert cluster.deleted == [("shop", "uid-of-shop")]


def test_what_is_being_deleted_already_is_held_for_no_purge() -> None:
    """The API server takes no more finalizers then; with the operator's own it is held."""
    cluster = FakeCluster([leaving("of.another/one")])
    with pytest.raises(Conflict) as told:
        engine_of(cluster).delete("shop", purge=True)
    assert (told.value.reason, cluster.patches, cluster.deleted) == ("Deleting", [], [])
    engine_of(FakeCluster([leaving("rowmill.dev/purge")])).delete("shop", purge=True)


@pytest.mark.parametrize(
    ("ask", "reason"), [(ClusterEngine.reset, "RunLive"), (ClusterEngine.rerun, "UnfinishedRun")]
)
def test_what_a_run_is_asked_for_is_judged_by_what_is_changed(ask: Any, reason: str) -> None:
    """It was resumed meanwhile: a reset would stand, and remove what it makes."""
    cluster = _Written([experiment("Complete", rows=100), experiment("Running")])
    with pytest.raises(RowmillError) as told:
        ask(engine_of(cluster), "shop")
    [refused] = cluster.patches
    assert (told.value.reason, refused["metadata"]["resourceVersion"]) == (reason, "41")


def test_what_is_deleted_with_its_data_kept_has_no_purge_to_wait_for() -> None:
    cluster = FakeCluster([experiment()])
    told = engine_of(cluster).delete("shop", purge=False)
    assert told.endswith("is being deleted; its data and its ledger stay")
    assert cluster.patches == [
        {"metadata": {"resourceVersion": "41"}, "spec": {"deletionPolicy": "Retain"}}
    ]
    assert cluster.deleted == [("shop", "uid-of-shop")]


def test_what_is_deleted_with_its_data_kept_is_the_very_one_that_is_patched() -> None:
    later = experiment()
    later["metadata"] |= {"uid": "another", "resourceVersion": "42"}
    cluster = _Written([experiment(), later])
    engine_of(cluster).delete("shop", purge=False)
    versions = [patch["metadata"]["resourceVersion"] for patch in cluster.patches]
    assert (versions, cluster.deleted) == (["41", "42"], [("shop", "another")])


def test_a_list_is_cut_into_pages_by_name() -> None:
    names = ("a-shop", "b-shop", "c-shop", "tests")
    engine = engine_of(FakeCluster([experiment(name=name) for name in names]))
    first = engine.list(search="SHOP", limit=2)
    assert ([each.name for each in first.items], first.after) == (["a-shop", "b-shop"], "b-shop")
    second = engine.list(search="SHOP", limit=2, after=first.after)
    assert ([each.name for each in second.items], second.after) == (["c-shop"], None)
    assert engine.list(state=State.FAILED).items == ()


def test_what_a_clusters_engine_refuses_names_no_face() -> None:
    """Python has it too, and there is no command to type."""
    with pytest.raises(WarehouseUnreachable) as told:
        engine_of(FakeCluster([experiment()])).warehouse("shop")
    assert "the destinations of shop are the cluster's" in told.value.message
    assert "kubectl" not in told.value.message
    assert "--" not in told.value.message


def test_a_run_that_is_past_is_told_from_the_history() -> None:
    history = [{"number": 1, "phase": "Complete", "rows": 100}]
    engine = engine_of(FakeCluster([experiment(number=2, status={"history": history})]))
    assert engine.status("shop", 1).run.state is State.COMPLETED
    assert engine.status("shop", 2).run.number == 2
    assert [now.run.number for now in engine.watch("shop", 1)] == [1]
    with pytest.raises(NotFound, match="no run 3; it tells of the runs 1 to 2"):
        engine.status("shop", 3)
