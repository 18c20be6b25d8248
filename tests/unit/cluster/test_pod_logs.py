"""`kubectl rowmill logs` shows all pods of a run, or one shard's."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from rowmill.cluster import log_stream
from rowmill.cluster import logs as module
from rowmill.cluster.failures import ApiUnreachable, NoAccess
from rowmill.cluster.namespace import Pod, StampedLine
from rowmill.commands import logs as commands
from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.engine.interface import Engine
from rowmill.engine.records import LogLine
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


STAMPED = "2026-11-30T19:08:10.263711Z WARNING the disk is slow: 5 s"


def test_a_pods_line_is_read_as_one_machines_and_shown_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = [
        STAMPED,
        "Traceback of it",
        "2026-11-30 an older worker's",
        "2026-13-01T00:00:00Z INFO no",
    ]
    cluster = FakeCluster([experiment()], PODS, LINES | {"zero": said})
    [first, *others] = engine_of(cluster).logs("shop", shard=0)
    time = datetime(2026, 11, 30, 19, 8, 10, 263711, tzinfo=UTC)
    assert first == LogLine("the disk is slow: 5 s", "shard 0", time, "WARNING")
    assert others == [LogLine(text, "shard 0") for text in said[1:]]
    logs(cluster, "shop", 0, follow=False)
    assert capsys.readouterr().out.splitlines() == said
    logs(cluster, "shop", None, follow=False)
    assert capsys.readouterr().out.splitlines()[0] == f"[shard 0] {STAMPED}"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("shard", [None, 0])
def test_a_line_is_raw_in_a_pipe_and_steers_no_terminal(
    shard: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster([experiment()], PODS, {**LINES, "zero": ["\x1b[31mred\x1b[0m\r"]})
    shown = []
    for screen in (io.StringIO(), _Terminal()):
        monkeypatch.setattr(sys, "stdout", screen)
        logs(cluster, "shop", shard, follow=False)
        shown.append(screen.getvalue().split("\n")[0].removeprefix("[shard 0] "))
    assert shown == ["\x1b[31mred\x1b[0m\r", "\\x1b[31mred\\x1b[0m\\r"]


class _Traced:
    """Its run has said something of several lines."""

    def command(self, *words: str) -> str:
        return " ".join(words)

    def logs(self, name: str, **_: Any) -> Iterator[LogLine]:
        yield LogLine("it failed:\n[worker 2] all is well", "worker 1")
        yield LogLine("the end", "worker 1")


def test_a_line_within_what_is_said_is_not_taken_for_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands.logs(cast(Engine, _Traced()), "shop", None, False)
    assert capsys.readouterr().out.splitlines() == [
        "[worker 1] it failed:",
        "    [worker 2] all is well",
        "[worker 1] the end",
    ]


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
        (experiment("Suspended"), None, "is suspended, and its pods are gone"),
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
    with pytest.raises(
        NotFound, match=f"the status of shop tells of no run {number}; it tells of "
    ):
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

    def follow_log(
        self, pod: str, since: str | None, cancellation: Cancellation
    ) -> Iterator[StampedLine]:
        if pod == "fin":
            raise NoAccess("the token file is empty")
        yield from super().follow_log(pod, since, cancellation)


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


@dataclass
class _Cut(FakeCluster):
    """Each stream ends after three lines that it was not asked for before, and at first so again.

    With an error, or as if the log had ended.
    """

    error: bool = True
    asked: list[str | None] = field(default_factory=list)

    def follow_log(
        self, pod: str, since: str | None, cancellation: Cancellation
    ) -> Iterator[StampedLine]:
        self.asked.append(since)
        for number, line in enumerate(super().follow_log(pod, since, cancellation)):
            if number == 3:
                if self.error:
                    raise ApiUnreachable("the load balancer closed an idle connection")
                return
            yield line


@pytest.mark.parametrize("error", [True, False])
@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_a_log_that_is_cut_is_read_on_and_no_line_is_doubled(
    error: bool, phase: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    said = ["a", "a", "b", "b", "c", "c", "d"]
    pods = [[Pod("p", "shard", 0, "Running", EARLY)]] + [[Pod("p", "shard", 0, phase, EARLY)]] * 9
    cluster = _Cut([experiment()] * 6 + [experiment("Complete")], lines={"p": said}, error=error)
    looks = iter(pods)
    monkeypatch.setattr(cluster, "pods", lambda *_: next(looks, pods[-1]))
    logs(cluster, "shop", 0, follow=True)
    shown = capsys.readouterr()
    whole = error or phase == "Running"
    assert (shown.out.splitlines(), shown.err) == (said if whole else said[:3], "")
    assert cluster.asked[:2] in ([None, "2026-01-01T00:00:01Z"], [None])


def test_a_log_that_stays_out_of_reach_is_given_up_in_a_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(FakeCluster):
        def follow_log(
            self, pod: str, since: str | None, cancellation: Cancellation
        ) -> Iterator[StampedLine]:
            raise ApiUnreachable("its node is away")

    monkeypatch.setattr(module, "_SECONDS", 0.01)
    monkeypatch.setattr(log_stream, "_TRIES", 3)
    cluster = Away([experiment(), experiment("Complete")], PODS[:1])
    logs(cluster, "shop", None, follow=True)
    assert capsys.readouterr() == ("", "rowmill: fin: its node is away\n")


def test_who_follows_is_let_go_though_no_pod_says_anything() -> None:
    cancellation = Cancellation()
    found = engine_of(FakeCluster([experiment()], PODS, LINES)).logs(
        "shop", follow=True, cancellation=cancellation
    )
    assert next(found).text in ("f", "c")
    cancellation.cancel()
    with pytest.raises(Cancelled):
        list(found)
