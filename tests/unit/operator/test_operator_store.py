from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rowmill.plan.pod_progress import PodProgress
from rowmill_operator.memory import resources
from rowmill_operator.memory.resources import Resource
from rowmill_operator.memory.store import Store
from rowmill_operator.model.observed import Observed, Verdict
from tests.unit.operator.pod_reports import pod_progress
from tests.unit.operator.raw_objects import (
    UID,
    frozen,
    raw_event,
    raw_experiment,
    raw_job,
    raw_plan,
    raw_pod,
)

KEY = ("team", "shop")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUNNING: dict[str, Any] = {"running": {}}


def filled(*more: tuple[Resource, dict[str, Any]]) -> Store:
    store = Store()
    assert store.see(resources.EXPERIMENTS, raw_experiment()) == KEY
    for kind, raw in more:
        assert store.see(kind, raw) == KEY
    return store


def observed(store: Store) -> Observed:
    found = store.gather(KEY)
    assert found is not None
    return found


def progress(rows: int = 5) -> PodProgress:
    return pod_progress(rows, 100.0, "", {"t": ((0, 1),)})


def test_all_that_is_an_experiments_is_gathered() -> None:
    store = filled(
        (resources.PLANS, raw_plan(frozen())),
        (resources.JOBS, raw_job()),
        (resources.PODS, raw_pod(state=RUNNING)),
    )
    seen = observed(store)
    assert seen.experiment.uid == UID
    assert [plan.name for plan in seen.plans] == ["shop-run-1"]
    assert [job.name for job in seen.jobs] == ["shop-run-1"]
    assert [pod.uid for pod in seen.pods] == ["pod-1"]


def test_children_may_come_before_their_experiment() -> None:
    store = Store()
    assert store.see(resources.JOBS, raw_job()) == KEY
    assert store.gather(KEY) is None
    store.see(resources.EXPERIMENTS, raw_experiment())
    assert len(observed(store).jobs) == 1


def test_what_was_seen_already_is_no_news() -> None:
    store = filled()
    assert store.see(resources.EXPERIMENTS, raw_experiment()) is None


def test_an_older_version_changes_nothing() -> None:
    store = filled((resources.JOBS, raw_job(version=25, status={"active": 2})))
    assert store.see(resources.JOBS, raw_job(version=21)) is None
    assert observed(store).jobs[0].active == 2


def test_what_was_deleted_does_not_come_back_by_a_late_list() -> None:
    store = filled((resources.JOBS, raw_job()))
    assert store.see(resources.JOBS, raw_job(version=30), gone=True) == KEY
    assert store.see(resources.JOBS, raw_job(version=29)) is None
    assert store.see(resources.JOBS, raw_job(version=30)) is None
    assert observed(store).jobs == ()


def test_late_news_of_a_namesake_change_nothing() -> None:
    store = filled((resources.JOBS, raw_job(uid="new", version=40)))
    assert store.see(resources.JOBS, raw_job(uid="old", version=35)) is None
    assert store.see(resources.JOBS, raw_job(uid="old", version=36), gone=True) is None
    assert [job.uid for job in observed(store).jobs] == ["new"]


def test_a_new_child_of_the_same_name_replaces_the_old() -> None:
    store = filled(
        (resources.JOBS, raw_job(uid="old")), (resources.JOBS, raw_job(uid="new", version=40))
    )
    assert [job.uid for job in observed(store).jobs] == ["new"]
    assert store.see(resources.JOBS, raw_job(uid="old", version=41), gone=True) is None
    assert [job.uid for job in observed(store).jobs] == ["new"]


def test_an_experiment_made_again_is_not_judged_yet() -> None:
    store = filled()
    store.judged(KEY, UID, Verdict(1, "", digest="d"))
    assert observed(store).verdict is not None
    store.see(resources.EXPERIMENTS, raw_experiment(version=50, meta={"uid": "another"}))
    assert observed(store).verdict is None
    store.judged(KEY, UID, Verdict(1, "", digest="d"))
    assert observed(store).verdict is None


def test_whose_an_experiment_is_that_was_made_again_is_not_known_yet() -> None:
    store = filled()
    for left, ours in ((False, [KEY]), (True, [])):
        assert store.leave(KEY, left)
        assert list(store.ours()) == ours
    store.see(resources.EXPERIMENTS, raw_experiment(version=50, meta={"uid": "another"}))
    assert store.left_alone() == 0
    assert list(store.ours()) == []
    assert store.leave(KEY, True), "which is news of this one"


def test_when_all_is_gone_nothing_is_kept() -> None:
    store = filled((resources.JOBS, raw_job()), (resources.PODS, raw_pod()))
    for kind, raw in (
        (resources.EXPERIMENTS, raw_experiment(version=90)),
        (resources.JOBS, raw_job(version=91)),
        (resources.PODS, raw_pod(version=92)),
    ):
        assert store.see(kind, raw, gone=True) == KEY
    assert store.gather(KEY) is None
    assert list(store.phases()) == []
    assert store.see(resources.EXPERIMENTS, raw_experiment(version=93), gone=True) is None


def test_what_has_not_our_label_is_nobodys() -> None:
    raw = raw_job()
    del raw["metadata"]["labels"]["rowmill.dev/experiment"]
    assert filled().see(resources.JOBS, raw) is None


def test_a_config_map_that_is_no_plan_is_left_alone() -> None:
    raw = raw_plan(frozen()) | {"binaryData": {"run.json.gz": "no"}}
    store = filled()
    assert store.see(resources.PLANS, raw) is None
    assert observed(store).plans == ()


def test_of_a_plan_only_its_deletion_is_news() -> None:
    store = filled((resources.PLANS, raw_plan(frozen())))
    raw = raw_plan(frozen(), version=60) | {"binaryData": {}}
    raw["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"
    assert store.see(resources.PLANS, raw) == KEY
    assert observed(store).plans[0].deleted


def test_a_warning_counts_as_long_as_what_it_is_about_is_there() -> None:
    store = filled((resources.JOBS, raw_job()), (resources.PODS, raw_pod()))
    assert store.see_warning(raw_event("shop-run-1-3-abcde", "pod-1")) == (KEY,)
    assert store.see_warning(raw_event("shop-run-1", "earlier", kind="Job")) == (KEY,)
    assert [w.about for w in observed(store).warnings] == ["shop-run-1-3-abcde"]
    store.see(resources.PODS, raw_pod(version=70), gone=True)
    assert observed(store).warnings == ()


def test_warnings_about_others_are_passed_over() -> None:
    store = filled()
    assert store.see_warning(raw_event("web-run-1-0-x", "u")) == ()
    assert store.see_warning(raw_event("shop", "u")) == ()
    assert store.see_warning(raw_event("shop-run-1", "u", kind="Node")) == ()


def test_the_same_warning_again_is_kept_once() -> None:
    store = filled((resources.PODS, raw_pod()))
    for last in ("2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"):
        store.see_warning(raw_event("shop-run-1-3-abcde", "pod-1", last=last))
    assert [w.last for w in observed(store).warnings] == [NOON + timedelta(minutes=1)]


def test_a_refused_child_is_told_of_until_it_is_there() -> None:
    store = filled()
    store.refused(KEY, "shop-run-1", "exceeded quota", NOON)
    assert [(w.about, w.reason) for w in observed(store).warnings] == [
        ("shop-run-1", "FailedCreate")
    ]
    store.accepted(KEY, "shop-run-1")
    assert observed(store).warnings == ()


def test_old_warnings_are_dropped() -> None:
    store = filled((resources.PODS, raw_pod()))
    store.see_warning(raw_event("shop-run-1-3-abcde", "pod-1"))
    store.tidy(NOON + timedelta(minutes=59))
    assert len(observed(store).warnings) == 1
    store.tidy(NOON + timedelta(minutes=61))
    assert observed(store).warnings == ()


def test_a_namespace_that_terminates_concerns_its_experiments_once() -> None:
    store = filled()
    terminating = {"metadata": {"name": "team", "deletionTimestamp": "2026-03-01T12:00:00Z"}}
    assert list(store.see_namespace({"metadata": {"name": "team"}})) == []
    assert list(store.see_namespace(terminating)) == [KEY]
    assert list(store.see_namespace(terminating)) == []
    assert observed(store).namespace_terminating
    assert list(store.see_namespace(terminating, gone=True)) == [KEY]
    assert not observed(store).namespace_terminating


def test_only_pods_of_this_experiments_own_jobs_are_asked() -> None:
    store = filled((resources.JOBS, raw_job()), (resources.PODS, raw_pod(state=RUNNING)))
    assert [pod.uid for _, pod in store.running_pods()] == ["pod-1"]
    store.see(resources.PODS, raw_pod("shop-run-1-0-y", "fake", job="job-9", state=RUNNING))
    store.see(resources.PODS, raw_pod("shop-run-1-0-z", "waits", version=31))
    assert [pod.uid for _, pod in store.running_pods()] == ["pod-1"]


def test_pods_of_a_job_of_an_earlier_experiment_are_not_asked() -> None:
    job = raw_job()
    job["metadata"]["ownerReferences"][1]["uid"] = "an earlier one"
    store = filled((resources.JOBS, job), (resources.PODS, raw_pod(state=RUNNING)))
    assert list(store.running_pods()) == []


def test_progress_is_by_shard_and_the_latest_counts() -> None:
    store = filled((resources.JOBS, raw_job()), (resources.PODS, raw_pod(state=RUNNING)))
    store.see(resources.PODS, raw_pod("shop-run-1-3-later", "pod-2", version=31, state=RUNNING))
    for pod, rows in (("pod-2", 4), ("pod-1", 5), ("pod-2", 9)):
        store.reported(KEY, pod, progress(rows))
        assert {shard: p.rows for shard, p in observed(store).progress.items()} == {3: rows}


def test_a_pod_that_has_ended_works_no_more() -> None:
    store = filled((resources.JOBS, raw_job()), (resources.PODS, raw_pod(state=RUNNING)))
    store.reported(KEY, "pod-1", progress())
    assert observed(store).progress[3].rows_per_second == 100
    store.see(resources.PODS, raw_pod(version=80, state={"terminated": {"exitCode": 0}}))
    assert observed(store).progress[3].rows_per_second == 0
    assert observed(store).progress[3].rows == 5


def test_one_miss_is_no_sign_and_an_answer_clears_all() -> None:
    store = filled((resources.JOBS, raw_job()), (resources.PODS, raw_pod(state=RUNNING)))
    store.reported(KEY, "pod-1", None)
    assert observed(store).unreachable == 0
    store.reported(KEY, "pod-1", None)
    assert observed(store).unreachable == 1
    store.reported(KEY, "pod-1", progress())
    assert observed(store).unreachable == 0


def test_a_list_shows_what_is_gone_but_not_what_is_newer_than_it() -> None:
    store = filled((resources.JOBS, raw_job(version=20)), (resources.PODS, raw_pod(version=30)))
    assert store.stale(resources.JOBS, None, set(), 25) == ["job-1"]
    assert store.stale(resources.JOBS, "team", set(), 25) == ["job-1"]
    assert store.stale(resources.JOBS, "elsewhere", set(), 25) == []
    assert store.stale(resources.JOBS, None, {"job-1"}, 25) == []
    assert store.stale(resources.PODS, None, set(), 25) == []


def test_the_phases_of_all_experiments() -> None:
    store = filled()
    other = raw_experiment("web", meta={"uid": "web"}, status={"phase": "Running"})
    store.see(resources.EXPERIMENTS, other)
    assert sorted(store.phases()) == ["Pending", "Running"]
