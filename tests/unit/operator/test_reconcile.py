"""What the operator decides, played against a cluster in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.decide.situation import Situation
from rowmill_operator.model.actions import CreateJob, Validate
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.pod_reports import pod_progress

RUN, FINALIZE = "shop-run-1", "shop-run-1-finalize"


def test_an_accepted_experiment_gets_a_plan_and_an_indexed_job(cluster: MemoryCluster) -> None:
    cluster.settle()
    assert list(cluster.plans) == [RUN]
    assert list(cluster.jobs) == [RUN]
    (manifest,) = cluster.manifests
    assert manifest["spec"]["completionMode"] == "Indexed"
    assert manifest["spec"]["completions"] == cluster.plans[RUN].plan.shards
    assert cluster.phase == "Pending"
    assert cluster.condition("Accepted")["status"] == "True"
    assert cluster.condition("Progressing")["status"] == "True"
    assert cluster.run["number"] == 1


def test_a_run_goes_from_pending_to_complete(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    assert cluster.phase == "Running"
    cluster.complete_job(RUN)
    cluster.settle()
    assert cluster.phase == "Finalizing"
    cluster.complete_job(FINALIZE, run="abc123", checksum="sha256:ff", dataVersion=1)
    cluster.settle()
    assert cluster.phase == "Complete"
    assert cluster.condition("Complete")["status"] == "True"
    assert cluster.run["percent"] == 100
    assert cluster.run["rows"] == cluster.run["rowsTotal"] == cluster.plans[RUN].plan.rows
    assert cluster.run["id"] == "abc123"
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [(1, "Complete")]
    assert "rowsPerSecond" not in cluster.run


def test_a_complete_run_is_left_alone_also_by_a_new_operator(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    writes, done = cluster.writes, len(cluster.log)
    cluster.restart_operator()
    cluster.wait(3600)
    cluster.settle()
    assert cluster.writes == writes
    assert len(cluster.log) == done, "not even validated again"


def test_no_decision_changes_anything_twice(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    before = cluster.writes
    cluster.look()
    assert cluster.last.status is None
    assert not cluster.last.actions
    assert cluster.writes == before


def test_a_refused_spec_starts_nothing_and_says_why() -> None:
    cluster = MemoryCluster(experiment(), problems=("spec.tables[0].rows: is negative",))
    cluster.settle()
    assert not cluster.jobs
    assert cluster.phase == "Pending"
    accepted = cluster.condition("Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "InvalidSpec")
    assert "spec.tables[0].rows" in accepted["message"]
    assert cluster.condition("Stalled")["status"] == "True"
    assert [t.reason for t in cluster.reported] == ["InvalidSpec"]


def test_a_refused_spec_is_judged_again_once_it_is_edited() -> None:
    cluster = MemoryCluster(experiment(), problems=("wrong",))
    cluster.settle()
    cluster.problems = ()
    cluster.change(settings={"seed": 2})
    cluster.settle()
    assert list(cluster.jobs) == [RUN]
    assert cluster.condition("Accepted")["observedGeneration"] == 2


def test_a_spec_refused_in_mid_run_lets_the_run_end(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.problems = ("wrong",)
    cluster.change(settings={"seed": 2})
    cluster.finish_run()
    assert cluster.phase == "Complete"
    assert cluster.condition("Accepted")["status"] == "False"


def test_a_second_operator_that_decides_the_same_does_no_harm(cluster: MemoryCluster) -> None:
    cluster.settle()
    observed = cluster.observed()
    cluster.complete_job(RUN)
    late = cluster.observed()
    assert observed != late
    cluster.settle()
    names = [a.manifest["metadata"]["name"] for a in cluster.log if isinstance(a, CreateJob)]
    assert names == [RUN, FINALIZE]


def test_an_upgraded_image_leaves_a_run_as_it_was_planned(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.settings = replace(cluster.settings, worker_image="rowmill/worker:2")
    cluster.restart_operator()
    cluster.finish_run()
    images = {m["spec"]["template"]["spec"]["containers"][0]["image"] for m in cluster.manifests}
    assert images == {"rowmill/worker:1"}
    assert len(cluster.manifests) == 2


def test_a_finished_job_is_waited_with_until_its_pods_last_word(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.complete_job(FINALIZE, run="abc", checksum="sha256:1")
    ended = dict(cluster.pods)
    cluster.pods.clear()
    cluster.settle()
    assert cluster.phase == "Finalizing"
    cluster.pods.update(ended)
    cluster.settle()
    assert cluster.run["id"] == "abc"


def test_a_finished_job_whose_pod_is_gone_is_complete_all_the_same(
    cluster: MemoryCluster,
) -> None:
    cluster.settle()
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.complete_job(FINALIZE)
    cluster.pods.clear()
    cluster.wait(11)
    cluster.settle()
    assert cluster.phase == "Complete"


def test_progress_is_added_up_and_never_goes_back(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.wait(10)
    plan = cluster.plans[RUN].plan
    table = plan.tables[0]
    first = {part.table: (part.first_batch, part.stop_batch) for part in plan.shard(0)}
    batches = {table.table: (first[table.table],)}
    cluster.progress[0] = pod_progress(5, 100.0, "", batches)
    cluster.settle()
    rows = cluster.run["rows"]
    assert rows > 0
    assert cluster.run["rowsPerSecond"] == round(rows / 10)
    shown = cluster.status["tables"][0]
    assert shown["completedBatches"]
    cluster.restart_operator()
    cluster.settle()
    assert cluster.run["rows"] == rows
    assert cluster.status["tables"][0]["rows"] == shown["rows"]


def test_a_run_whose_status_was_lost_is_found_by_its_children(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.change(status=ExperimentStatus())
    cluster.restart_operator()
    cluster.settle()
    assert cluster.phase == "Complete"
    assert list(cluster.plans) == [RUN]


def test_a_plan_that_somebody_deleted_is_frozen_again_under_its_number(
    cluster: MemoryCluster,
) -> None:
    cluster.begin_run()
    cluster.plans.clear()
    cluster.settle()
    assert list(cluster.plans) == [RUN]


def test_a_stale_view_never_makes_a_second_plan_of_one_number(cluster: MemoryCluster) -> None:
    cluster.settle()
    situation = Situation(cluster.observed(), cluster.now, cluster.settings)
    assert situation.number == 1
    cluster.change(status=ExperimentStatus())
    assert Situation(cluster.observed(), cluster.now, cluster.settings).number == 1


def test_every_wait_has_an_end_to_look_at(cluster: MemoryCluster) -> None:
    """A missed event must not leave an unfinished run unattended for good."""
    cluster.begin_run()
    assert cluster.last.again_after is not None
    cluster.change(settings={"suspend": True})
    cluster.look()
    cluster.look()
    assert cluster.last.again_after is not None


def test_whose_pods_are_polled_is_not_looked_at_beside_the_polls(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    assert cluster.last.again_after is not None
    assert cluster.last.again_after > 2 * cluster.settings.progress_seconds


def test_a_digest_of_older_status_is_not_taken_for_another_generation(
    cluster: MemoryCluster,
) -> None:
    cluster.finish_run()
    cluster.change(settings={"seed": 9})
    cluster.restart_operator()
    cluster.look()
    assert [a for a in cluster.last.actions if isinstance(a, Validate)]


def test_conditions_keep_their_times_while_their_status_stays(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    since = cluster.condition("Accepted")["lastTransitionTime"]
    cluster.wait(100)
    cluster.progress[0] = pod_progress(5, 100.0, "", {})
    cluster.settle()
    assert cluster.condition("Accepted")["lastTransitionTime"] == since
    cluster.now += timedelta(seconds=5)
