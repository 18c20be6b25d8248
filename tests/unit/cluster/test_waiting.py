"""A verify and a reset end with the operator's answer, or with why none comes; none is silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Raw
from rowmill.cluster.verdicts import unverifiable
from rowmill.errors import Conflict, Failed, Interrupted, RowmillError
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment
from tests.unit.operator.wishes import RUN, begin_another, published

VERIFY, RESET = "rowmill.dev/verify", "rowmill.dev/reset"
COMPLETE = experiment("Complete", rows=100)


def unverified(reason: str, message: str, **more: Any) -> dict[str, Any]:
    """A complete run, and what the condition Verified says."""
    state = experiment("Complete", rows=100, **more)
    state["status"]["conditions"].append(
        {"type": "Verified", "status": "Unknown", "reason": reason, "message": message}
    )
    return state


def leaving(state: dict[str, Any]) -> dict[str, Any]:
    """Somebody has deleted it since, and it does not go."""
    gone = {"deletionTimestamp": "2026-01-01T00:01:00Z", "finalizers": ["of.another/one"]}
    return {**state, "metadata": {**state["metadata"], **gone}}


def asked_as(annotation: str, request: str, **more: Any) -> dict[str, Any]:
    return experiment("Complete", rows=100, annotations={annotation: request}, **more)


@pytest.mark.parametrize(
    ("ask", "later", "kind", "reason", "message"),
    [
        (
            ClusterEngine.verify,
            asked_as(
                VERIFY,
                "1.1",
                status={"verification": {"request": "1.1", "run": 1, "identical": True}},
            ),
            Conflict,
            "Superseded",
            "the verify of run 1 of shop is not answered: somebody has asked for 1.1 since, not "
            "for 1 (rowmill.dev/verify)",
        ),
        (
            ClusterEngine.reset,
            asked_as(RESET, "1.1", reset={"request": "1.1", "tables": 2}),
            Conflict,
            "Superseded",
            "the reset of run 1 of shop is not answered: somebody has asked for 1.1 since, not for "
            "1 (rowmill.dev/reset)",
        ),
        (
            ClusterEngine.reset,
            asked_as(RESET, ""),
            Conflict,
            "Superseded",
            "the reset of run 1 of shop is not answered: somebody has taken the annotation off "
            "(rowmill.dev/reset)",
        ),
        (
            ClusterEngine.verify,
            experiment("Complete", rows=100, spec={"suspend": True}),
            Conflict,
            "Suspended",
            "shop is suspended, and no pod of it is started: it is verified once it is resumed",
        ),
        (
            ClusterEngine.verify,
            leaving(experiment("Complete", rows=100)),
            Conflict,
            "Deleting",
            "shop is being deleted: waits for the finalizers of.another/one",
        ),
        (
            ClusterEngine.reset,
            leaving(experiment("Complete", rows=100)),
            Conflict,
            "Deleting",
            "shop is being deleted: waits for the finalizers of.another/one",
        ),
        (
            ClusterEngine.verify,
            unverified("NotVerified", "the ConfigMap of run 1 is gone"),
            Failed,
            "NotVerified",
            "the ConfigMap of run 1 is gone: run 1 of shop cannot be verified, its rerun can",
        ),
        (
            ClusterEngine.verify,
            unverified("InvalidSpec", "the ConfigMap of run 1 is gone, and the spec is refused"),
            Failed,
            "NotVerified",
            "the ConfigMap of run 1 is gone, and the spec is refused: run 1 of shop cannot be "
            "verified, its rerun can",
        ),
    ],
    ids=[
        "verify again",
        "reset again",
        "taken off",
        "suspended",
        "deleted, verify",
        "deleted, reset",
        "no plan",
        "refused",
    ],
)
def test_what_will_not_be_answered_is_not_waited_for(
    ask: Callable[..., Any],
    later: Raw,
    kind: type[RowmillError],
    reason: str,
    message: str,
) -> None:
    cluster = FakeCluster([COMPLETE, later])
    with pytest.raises(kind) as told:
        ask(engine_of(cluster), "shop")
    assert (told.value.reason, told.value.message) == (reason, message)
    assert len(cluster.patches) == 1


def test_the_operator_says_in_these_words_that_nobody_can_verify() -> None:
    operated = published()
    begin_another(operated)
    del operated.plans[RUN]
    operated.annotate(verify="1")
    operated.settle()
    told = Experiment({**COMPLETE, "status": operated.status})
    assert unverifiable(told, 1) == "the ConfigMap of run 1 is gone"


def test_what_is_suspended_is_not_asked_to_be_verified() -> None:
    cluster = FakeCluster([experiment("Complete", rows=100, spec={"suspend": True})])
    with pytest.raises(Conflict, match="shop is suspended"):
        engine_of(cluster).verify("shop")
    assert cluster.patches == []


def test_an_answer_counts_whatever_came_after_it() -> None:
    answer = {"request": "1", "run": 1, "identical": True}
    suspended = experiment(
        "Complete", rows=100, spec={"suspend": True}, status={"verification": answer}
    )
    assert engine_of(FakeCluster([COMPLETE, suspended])).verify("shop").identical


def test_a_verify_says_what_it_waits_for_as_a_reset_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also where nobody draws what `on_progress` is told."""
    before = unverified("NotVerified", "run 1 has not been verified")
    stuck = unverified("ImagePullFailed", "pod x: no such image")
    answer = {"request": "1", "run": 1, "identical": True}
    done = experiment("Complete", rows=100, status={"verification": answer})
    engine_of(FakeCluster([before, before, stuck, stuck, done])).verify("shop")
    assert capsys.readouterr().err == "rowmill: shop: pod x: no such image\n"


@pytest.mark.parametrize(
    ("ask", "annotation"), [(ClusterEngine.verify, VERIFY), (ClusterEngine.reset, RESET)]
)
def test_a_wait_has_an_end_and_says_before_that_nobody_heeds_it(
    ask: Callable[..., Any], annotation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator that is away says nothing, and what was asked for stands for it."""
    cluster = FakeCluster([COMPLETE])
    with pytest.raises(Interrupted, match=r"of run 1 of shop was not done within 300 s .*goes on"):
        ask(engine_of(cluster), "shop", timeout=300)
    said = f"rowmill: shop: nobody has heeded {annotation}=1 yet; is the operator there?\n"
    assert capsys.readouterr().err == said
