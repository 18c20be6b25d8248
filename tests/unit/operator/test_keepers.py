"""Two operators of different engines that serve one namespace: who began an Experiment keeps it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rowmill_operator.decide.reconcile import reconcile
from rowmill_operator.model.actions import Decision, FreezePlan, LeaveAlone, SetFinalizers, Validate
from rowmill_operator.model.settings import Settings
from tests.unit.operator.memory_cluster import SETTINGS, MemoryCluster, experiment

OTHER = replace(SETTINGS, engine="there", release="there/rowmill", postgres_secret="theirs")
OWNER = "here/team/shop"
DIGEST = "sha256:" + "b" * 64


@pytest.fixture
def begun(cluster: MemoryCluster) -> MemoryCluster:
    cluster.begin_run()
    return cluster


def _second(cluster: MemoryCluster, settings: Settings = OTHER) -> Decision:
    """What the second operator decides, which judges for itself."""
    observed = replace(cluster.observed(), verdict=None)
    return reconcile(observed, cluster.now, settings)


def _leaves(decision: Decision) -> LeaveAlone:
    (action,) = decision.actions
    assert isinstance(action, LeaveAlone)
    assert decision.status is None
    return action


def test_an_experiment_that_another_has_begun_is_left_alone(begun: MemoryCluster) -> None:
    left = _leaves(_second(begun))
    assert left.owner == OWNER
    assert "kubectl annotate experiment shop --namespace team rowmill.dev/adopt=here/team/shop" in (
        left.message
    )


@pytest.mark.parametrize("change", ["spec", "rerun", "abort", "suspend", "purge", "delete"])
def test_whatever_is_asked_of_it_later_the_other_leaves_it_alone(
    begun: MemoryCluster, change: str
) -> None:
    match change:
        case "spec":
            begun.digest = DIGEST
            begun.change(settings={"seed": 2})
        case "suspend":
            begun.change(settings={"suspend": True})
        case "purge":
            begun.change(settings={"deletionPolicy": "Purge"})
        case "delete":
            begun.change(finalizers=("rowmill.dev/purge",))
            begun.delete()
        case _:
            begun.annotate(**{change: "1"})
    _leaves(_second(begun))


def test_lost_pods_of_anothers_run_are_the_others_to_give_up(begun: MemoryCluster) -> None:
    (pod,) = begun.pods.values()
    begun.pods[pod.name] = replace(pod, deleted=begun.now)
    begun.wait(600)
    _leaves(_second(begun))


def test_a_namespace_that_ends_is_for_its_keeper_to_clear(begun: MemoryCluster) -> None:
    begun.namespace_terminating = True
    _leaves(_second(begun))


def test_without_its_plan_the_status_tells_whose_it_is(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.plans.clear()
    assert _leaves(_second(cluster)).owner == OWNER
    assert cluster.status["operator"] == {"engine": "here", "release": "here/rowmill"}


@pytest.mark.parametrize(
    "settings",
    [
        replace(SETTINGS, engine="renamed"),
        replace(SETTINGS, release="moved/rowmill"),
        replace(SETTINGS, postgres_secret="other"),
    ],
    ids=["another engineId", "another release", "another chart"],
)
def test_the_same_release_or_engine_goes_on_with_what_it_began(
    begun: MemoryCluster, settings: Settings
) -> None:
    begun.settings = settings
    begun.restart_operator()
    begun.finish_run()
    assert begun.phase == "Complete"
    assert begun.left == []


def test_later_runs_keep_the_engine_of_the_first_and_new_experiments_take_the_new(
    cluster: MemoryCluster,
) -> None:
    cluster.finish_run()
    cluster.settings = replace(SETTINGS, engine="renamed")
    cluster.digest = DIGEST
    cluster.annotate(rerun="2")
    cluster.settle()
    assert cluster.plans["shop-run-2"].engine == "here"
    fresh = MemoryCluster(experiment(), settings=cluster.settings)
    fresh.settle()
    assert fresh.plans["shop-run-1"].engine == "renamed"
    assert fresh.status["operator"]["engine"] == "renamed"


def test_a_plan_of_an_earlier_version_is_its_engines(begun: MemoryCluster) -> None:
    begun.plans["shop-run-1"] = replace(begun.plans["shop-run-1"], release="")
    _leaves(_second(begun))
    assert not [a for a in begun.look().actions if isinstance(a, LeaveAlone)]


def _adopted(cluster: MemoryCluster) -> None:
    """The second takes over, as far as it goes in one look after another; the first looks on."""
    cluster.annotate(adopt=OWNER)
    first, cluster.settings = cluster.settings, OTHER
    cluster.verdict = None
    for _ in range(3):
        cluster.look()
    cluster.settings = first


def test_who_is_told_to_adopt_plans_the_next_run_and_the_first_lets_go(
    begun: MemoryCluster,
) -> None:
    _adopted(begun)
    plan = begun.plans["shop-run-2"]
    assert (plan.engine, plan.release, plan.adopt) == ("there", "there/rowmill", OWNER)
    assert _leaves(begun.look()).owner == "there/team/shop"


def test_the_runs_of_before_end_before_the_adopted_one_begins(begun: MemoryCluster) -> None:
    _adopted(begun)
    begun.settings = OTHER
    begun.settle(collect=False)
    assert begun.jobs["shop-run-1"].deleted
    assert "shop-run-2" not in begun.jobs
    assert begun.condition("Progressing")["reason"] == "Replacing"
    begun.finish_run(2)
    assert begun.phase == "Complete"
    assert list(begun.plans) == ["shop-run-2"]


def test_until_somebody_adopts_it_the_first_goes_on(begun: MemoryCluster) -> None:
    begun.annotate(adopt=OWNER)
    begun.finish_run()
    assert begun.phase == "Complete"
    assert begun.run["number"] == 1


def test_what_cannot_be_adopted_is_left_alone_with_the_reason(begun: MemoryCluster) -> None:
    begun.annotate(adopt=OWNER)
    # Judged by the chart of who is to adopt.
    (asked,) = _second(begun, replace(OTHER, service_accounts=("x",))).actions
    assert isinstance(asked, FreezePlan)
    assert asked.defaults == OTHER.defaults
    begun.problems = ("names no server",)
    begun.change(settings={"seed": 3})
    begun.settings = OTHER
    begun.look()
    left = _leaves(reconcile(begun.observed(), begun.now, OTHER))
    assert "names no server" in left.message


def test_one_that_is_deleted_is_purged_by_who_is_told_to_adopt_it(
    cluster: MemoryCluster,
) -> None:
    cluster.change(settings={"deletionPolicy": "Purge"})
    cluster.finish_run()
    cluster.annotate(adopt=OWNER)
    cluster.delete()
    cluster.settings = OTHER
    cluster.settle()
    assert "shop-purge" in cluster.jobs
    assert cluster.jobs["shop-purge"].number == 1, "by the plan, and so as the owner, of before"


REFUSED = ("names no server",)


def test_before_any_run_the_first_to_refuse_a_spec_has_the_word_on_it() -> None:
    cluster = MemoryCluster(experiment(), problems=REFUSED)
    cluster.settle()
    before = cluster.experiment.status
    cluster.settings = OTHER
    cluster.problems = ("something else",)
    cluster.verdict = None
    cluster.reported.clear()
    cluster.settle()
    assert cluster.experiment.status == before
    assert cluster.reported == []
    (left,) = set(cluster.left)
    assert left.owner == OWNER
    assert "its own reason: something else; if that operator is gone, have this one" in left.message
    assert left.message.endswith("rowmill.dev/adopt=here/team/shop")
    cluster.change(settings={"seed": 2})
    cluster.settle()
    assert cluster.condition("Accepted")["message"] == "something else"


def test_the_word_on_a_spec_can_be_taken_over_from_an_operator_that_is_gone() -> None:
    cluster = MemoryCluster(experiment(), problems=REFUSED)
    cluster.settle()
    cluster.annotate(adopt=OWNER)
    assert not [a for a in cluster.look().actions if isinstance(a, LeaveAlone)]
    cluster.settings, cluster.problems, cluster.verdict = OTHER, ("something else",), None
    cluster.settle()
    assert cluster.condition("Accepted")["message"] == "something else"
    assert cluster.status["operator"]["engine"] == "there"
    # Were the first there after all, it would leave the word to the second now.
    cluster.settings, cluster.problems, cluster.verdict = SETTINGS, REFUSED, None
    cluster.settle()
    assert cluster.condition("Accepted")["message"] == "something else"
    assert cluster.left[-1].owner == "there/team/shop"


def test_who_accepts_what_the_other_refuses_begins_it() -> None:
    cluster = MemoryCluster(experiment(), problems=REFUSED)
    cluster.settle()
    cluster.settings, cluster.problems, cluster.verdict = OTHER, (), None
    cluster.settle()
    assert cluster.plans["shop-run-1"].engine == "there"
    assert cluster.condition("Accepted")["status"] == "True"
    assert _leaves(_second(cluster, SETTINGS)).owner == "there/team/shop"


def test_neither_writes_a_status_while_the_race_for_the_plan_is_open() -> None:
    """So that the loser, which finds the winner's plan next, has written none."""
    cluster = MemoryCluster(experiment(settings={"deletionPolicy": "Purge"}))
    asked = [_second(cluster, settings) for settings in (SETTINGS, OTHER)]
    for decision in asked:
        finalizers, validate = decision.actions
        assert isinstance(finalizers, SetFinalizers)
        assert isinstance(validate, Validate)
        assert decision.status is None
