"""`kubectl rowmill logs` shows all pods of a run, or one shard's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rowmill.cluster import logs as module
from rowmill.cluster.failures import NoAccess
from rowmill.cluster.namespace import Pod
from rowmill.commands import logs as commands
from rowmill.errors import NotFound
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"
PODS = [
    Pod("fin", "finalize", None, "Running", LATE),
    Pod("one-again", "shard", 1, "Running", LATE),
    Pod("one", "shard", 1, "Failed", EARLY),
    Pod("zero", "shard", 0, "Succeeded", EARLY),
    Pod("two", "shard", 2, "Pending", LATE),
]
LINES = {"fin": ["f"], "one": ["a", "b"], "one-again": ["c"], "zero": ["z"]}


def logs(cluster: FakeCluster, name: str, shard: int | None, *, follow: bool) -> None:
    commands.logs_of_shards(engine_of(cluster), name, None, shard, follow)


def test_lines_bear_their_shard_and_attempts_come_in_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs(FakeCluster([experiment()], PODS, LINES), "shop", None, follow=False)
    assert capsys.readouterr().out.splitlines() == [
        "[shard 0] z",
        "[shard 1] a",
        "[shard 1] b",
        "[shard 1] c",
        "[finalize] f",
    ]


def test_one_shards_lines_are_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    logs(FakeCluster([experiment()], PODS, LINES), "shop", 1, follow=False)
    assert capsys.readouterr().out.splitlines() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("state", "shard", "message"),
    [
        (experiment("Pending", number=None), None, "no run yet"),
        (experiment(), 4, "shards 0 to 3"),
        (experiment("Complete"), None, "its pods are gone: somebody deleted them"),
        (
            experiment("Complete", spec={"ttlSecondsAfterFinished": 60}),
            None,
            r"its pods are gone \(ttlSecondsAfterFinished: 60\)",
        ),
        (
            experiment("Complete", annotations={"rowmill.dev/rerun": "again"}),
            None,
            "its pods are gone: they made room",
        ),
        (experiment("Failed", reason="Aborted"), None, "those of a run that failed or was aborted"),
        (experiment("Reset"), None, "those of a run that is reset"),
        (experiment("Pending", message="quota"), None, "has no pod yet: quota"),
    ],
)
def test_what_has_no_lines_says_why(state: object, shard: int | None, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        logs(FakeCluster([state]), "shop", shard, follow=False)  # type: ignore[list-item]


PAST = {"history": [{"number": 1, "phase": "Complete", "rows": 100}]}


@pytest.mark.parametrize("follow", [False, True])
def test_the_logs_of_an_earlier_run_went_with_its_jobs(follow: bool) -> None:
    engine = engine_of(FakeCluster([experiment(number=2, status=PAST)]))
    with pytest.raises(NotFound, match="run 1 of shop is not the newest: the Jobs of a run go"):
        list(engine.logs("shop", run=1, follow=follow))


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("number", [3, 99])
def test_a_run_that_nobody_remembers_has_no_logs(number: int, follow: bool) -> None:
    engine = engine_of(FakeCluster([experiment(number=2, status=PAST)], PODS, LINES))
    with pytest.raises(NotFound, match=f"of a run {number} of shop the status tells nothing"):
        list(engine.logs("shop", run=number, follow=follow))


def test_following_a_run_that_has_ended_without_pods_says_why() -> None:
    engine = engine_of(FakeCluster([experiment("Failed")]))
    with pytest.raises(NotFound, match="those of a run that failed or was aborted go with it"):
        list(engine.logs("shop", follow=True))


def test_following_reads_what_runs_and_ends_with_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    states = [experiment(), experiment(), experiment("Complete")]
    logs(FakeCluster(states, PODS, LINES), "shop", None, follow=True)
    assert sorted(capsys.readouterr().out.splitlines()) == ["[finalize] f", "[shard 1] c"]


class _SignedOut(FakeCluster):
    """The token is over when the log of one pod is asked for."""

    def log(self, pod: str, *, follow: bool) -> Iterator[str]:
        if pod == "fin":
            raise NoAccess("the token file is empty")
        yield from super().log(pod, follow=follow)


def test_a_log_that_may_no_longer_be_read_is_told_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    states = [experiment(), experiment(), experiment("Complete")]
    logs(_SignedOut(states, PODS, LINES), "shop", None, follow=True)
    said = capsys.readouterr()
    assert said.out.splitlines() == ["[shard 1] c"]
    assert said.err.splitlines() == ["rowmill: fin: the token file is empty"]


def test_following_a_run_that_is_over_shows_all_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    over = [pod for pod in PODS if pod.phase in ("Failed", "Succeeded")]
    logs(FakeCluster([experiment("Failed")], over, LINES), "shop", None, follow=True)
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "[shard 0] z",
        "[shard 1] a",
        "[shard 1] b",
    ]
