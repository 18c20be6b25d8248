"""`kubectl rowmill status -w` and `--wait` follow a run to its end, or to the end of the wait."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import typer
from rich.console import Console

from rowmill.cluster.apiserver.patience import patiently
from rowmill.cluster.experiment import Experiment
from rowmill.cluster.failures import ApiUnreachable
from rowmill.cluster.namespace import Raw
from rowmill.commands.logs import logs_of_shards
from rowmill.commands.status import status
from rowmill.commands.watching import StillUnderWay, watch_to_its_end
from rowmill.engine.records import RunRecord, State
from rowmill.errors import Conflict, Interrupted
from rowmill.kubectl.failures import TRANSLATIONS
from rowmill.terminal.failures import UsageError, ending
from rowmill.terminal.output import Output
from rowmill.terminal.prose import notice
from rowmill.views.watching import display_on, explained
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment


def _no_sleep(seconds: float) -> None:
    assert seconds > 0


def test_watching_ends_with_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    states = [
        experiment("Pending", rows=0),
        experiment(rowsPerSecond=20_000, etaSeconds=3),
        experiment(rowsPerSecond=20_000, etaSeconds=3),
        experiment("Finalizing", message="publish", rows=100),
        experiment("Complete", rows=100),
    ]
    watch_to_its_end(engine_of(FakeCluster(states)), "shop", as_json=False)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("run 1")]
    assert lines == [
        "run 1 PENDING: 0 of 100 rows durable (0 %)",
        "run 1 RUNNING: 40 of 100 rows durable (40 %), 20 k rows/s, ETA 3.0 s",
        "run 1 FINALIZING: 100 of 100 rows durable (100 %), Finalizing: publish",
        "run 1 COMPLETED: 100 of 100 rows durable (100 %)",
    ]


def _lines_of(states: Sequence[Raw], capsys: pytest.CaptureFixture[str]) -> list[str]:
    watch_to_its_end(engine_of(FakeCluster(states)), "shop", as_json=False)
    out = capsys.readouterr().out.splitlines()
    return out[: next(i for i, line in enumerate(out) if line.startswith("team/shop"))]


def test_while_the_next_run_is_asked_for_the_one_before_is_not_shown_as_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = {"rowmill.dev/rerun": "again"}
    states = [
        experiment("Complete", rows=100, annotations=asked),
        experiment("Complete", rows=100, annotations=asked, number=2, rerun="again"),
    ]
    assert _lines_of(states, capsys) == [
        "PENDING: the operator has not looked at what was asked for yet",
        "run 2 COMPLETED: 100 of 100 rows durable (100 %)",
    ]


def test_while_a_run_is_asked_to_go_on_it_is_not_shown_as_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = {"rowmill.dev/resume": "now"}
    states = [
        experiment("Failed", annotations=asked, message="so"),
        experiment("Complete", rows=100, annotations=asked, resume="now"),
    ]
    assert _lines_of(states, capsys) == [
        "run 1 PENDING: 40 of 100 rows durable (40 %), "
        "the operator has not looked at what was asked for yet",
        "run 1 COMPLETED: 100 of 100 rows durable (100 %)",
    ]


@pytest.mark.parametrize(("reason", "code"), [("Aborted", 5), ("RunFailed", 4), ("OOMKilled", 4)])
def test_watching_a_run_that_fails_leaves_with_its_code(
    reason: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = FakeCluster([experiment("Failed", reason=reason, message="so")])
    with pytest.raises(typer.Exit) as left, ending(TRANSLATIONS, as_json=False):
        watch_to_its_end(engine_of(failed), "shop", as_json=True)
    assert left.value.exit_code == code
    captured = capsys.readouterr()
    assert json.loads(captured.out)["reason"] == reason
    assert f"run 1 {'ABORTED' if code == 5 else 'FAILED'}" in captured.err


def test_watching_ends_where_the_run_was_reset(capsys: pytest.CaptureFixture[str]) -> None:
    states = [experiment("Complete", reason="Resetting"), experiment("Reset", message="removed")]
    for state in states:
        watch_to_its_end(engine_of(FakeCluster([state])), "shop", as_json=True)
    shown = capsys.readouterr()
    assert "run 1 RESET" in shown.err
    assert '"RESET"' in shown.out


MESSAGE = "run 1 differs: orders in postgres: lost row 6 (differing rows: 1; 100 rows made again)"
COMPARED = {"request": "1", "run": 1, "finishedAt": "2026-01-01T00:02:00Z", "rows": 100}
UNHEARD = {"reason": "VerifyUnheard"}


def verified(status: str, reason: str, found: Raw | None = None) -> Any:
    """A complete Experiment with the condition Verified, and what a verify of it came to."""
    raw = experiment("Complete", rows=100, spec={"verify": "AfterRun"})
    condition = {"type": "Verified", "status": status, "reason": reason, "message": "so"}
    raw["status"]["conditions"].append(condition)
    if found is not None:
        raw["status"]["verification"] = {**COMPARED, **found}
    return raw


@pytest.mark.parametrize(
    ("last", "code", "word"),
    [
        (verified("True", "Identical", {"identical": True}), 0, "verified"),
        (
            verified(
                "False",
                "Differs",
                {
                    "identical": False,
                    "differences": 1,
                    "where": "orders in postgres: lost row 6",
                },
            ),
            1,
            "verify found differences",
        ),
        (verified("Unknown", "VerifyUnheard", UNHEARD), 4, "not verified"),
        (verified("Unknown", "Suspended"), 5, "not verified"),
        (verified("Unknown", "InvalidSpec"), 4, "not verified"),
    ],
    ids=["identical", "differs", "unheard", "suspended", "refused"],
)
def test_watching_waits_for_the_verdict_and_leaves_with_it(
    last: Raw, code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    states = [
        experiment("Finalizing", rows=100, spec={"verify": "AfterRun"}),
        verified("Unknown", "NotVerified"),
        verified("Unknown", "MakingWay"),
        verified("Unknown", "Verifying"),
        last,
    ]
    cluster = FakeCluster(states)
    leaves = pytest.raises(typer.Exit) if code else nullcontext()
    with leaves as left, ending(TRANSLATIONS, as_json=False):
        watch_to_its_end(engine_of(cluster), "shop", as_json=True)
    assert cluster.looks == len(states)
    assert (left.value.exit_code if left else 0) == code
    shown = capsys.readouterr()
    told = json.loads(shown.out)["verification"]
    assert told["awaited"] is False
    assert shown.err.splitlines() == [
        "run 1 FINALIZING: 100 of 100 rows durable (100 %)",
        "run 1 COMPLETED: 100 of 100 rows durable (100 %), being verified",
        f"run 1 COMPLETED: 100 of 100 rows durable (100 %), {word}",
    ]
    if code == 1:
        assert told["message"] == MESSAGE, "as the condition says it"


@pytest.mark.parametrize("found", [None, UNHEARD], ids=["none", "unheard"])
def test_a_verify_that_the_spec_does_not_ask_for_is_not_waited_for(found: Raw | None) -> None:
    by_hand = verified("Unknown", "Verifying", found)
    del by_hand["spec"]["verify"]
    cluster = FakeCluster([by_hand])
    watch_to_its_end(engine_of(cluster), "shop", as_json=True)
    assert cluster.looks == 1


def test_a_wait_for_a_verdict_has_an_end_too() -> None:
    ticks = iter(range(0, 1_000, 10))
    with pytest.raises(StillUnderWay, match=r"COMPLETED.*being verified"):
        watch_to_its_end(
            engine_of(FakeCluster([verified("Unknown", "Verifying")])),
            "shop",
            timeout=30,
            clock=lambda: next(ticks),
        )


def test_watching_ends_where_the_run_is_suspended() -> None:
    """Not by what the operator wrote before it saw that it was resumed."""
    unseen = experiment("Suspended", spec={"suspend": False}, status={"observedGeneration": 2})
    states = [experiment("Running"), unseen, experiment("Suspended", spec={"suspend": True})]
    cluster = FakeCluster(states)
    with pytest.raises(typer.Exit) as left, ending(TRANSLATIONS, as_json=False):
        watch_to_its_end(engine_of(cluster), "shop", as_json=True)
    assert (left.value.exit_code, cluster.looks) == (5, 3)


AGAIN = {"rowmill.dev/rerun": "again"}


@pytest.mark.parametrize(
    "unseen",
    [
        experiment("Complete", annotations={"rowmill.dev/rerun": "again"}),
        experiment("Complete", spec={"rerun": "again"}),
        experiment("Complete", status={"observedGeneration": 2}),
        experiment("Failed", rerun="again", annotations={**AGAIN, "rowmill.dev/resume": "now"}),
    ],
    ids=["annotation", "spec.rerun", "generation", "resume"],
)
def test_an_old_runs_end_is_not_taken_for_the_end_of_what_was_asked(unseen: Any) -> None:
    seen = experiment(
        "Complete", annotations={"rowmill.dev/rerun": "again"}, number=2, rerun="again"
    )
    cluster = FakeCluster([unseen, seen])
    watch_to_its_end(engine_of(cluster), "shop", as_json=True)
    assert cluster.looks == 2


def test_a_run_that_was_asked_for_is_not_waited_for_where_its_spec_is_refused() -> None:
    refusal = {"type": "Accepted", "status": "False", "reason": "InvalidSpec", "message": "no seed"}
    conditions = [{**refusal, "observedGeneration": 3}]
    refused = experiment("Complete", annotations=AGAIN, status={"conditions": conditions})
    engine = engine_of(FakeCluster([experiment("Complete"), refused]))
    engine.rerun("shop")
    with pytest.raises(Conflict, match="no run of shop begins: no seed"):
        watch_to_its_end(engine, "shop", as_json=True)
    # Nor by who has applied it with another tool.
    with pytest.raises(Conflict, match="no run of shop begins: no seed"):
        watch_to_its_end(engine_of(FakeCluster([refused])), "shop", as_json=True)


def test_a_rerun_of_a_refused_spec_is_refused_and_asks_for_nothing() -> None:
    refusal = {"type": "Accepted", "status": "False", "reason": "InvalidSpec", "message": "no seed"}
    conditions = [{**refusal, "observedGeneration": 3}]
    cluster = FakeCluster([experiment("Complete", status={"conditions": conditions})])
    with pytest.raises(Conflict, match="no run of shop begins: no seed"):
        engine_of(cluster).rerun("shop")
    assert cluster.patches == []


def test_a_run_that_is_at_work_is_watched_to_its_end_whatever_is_refused_meanwhile() -> None:
    refusal = {"type": "Accepted", "status": "False", "reason": "InvalidSpec", "message": "no seed"}
    status = {"conditions": [{**refusal, "observedGeneration": 3}]}
    looks = [experiment(status=status), experiment("Complete", status=status)]
    watch_to_its_end(engine_of(FakeCluster(looks)), "shop", as_json=True)


def test_a_wait_has_an_end_also_where_what_was_asked_for_does_not_begin() -> None:
    """The operator is away: the newest run is the one before."""
    engine = engine_of(FakeCluster([experiment("Complete", annotations=AGAIN)]))
    ticks = iter(range(0, 10_000, 10))
    with pytest.raises(StillUnderWay, match=r"shop was not done within 30.0 s"):
        watch_to_its_end(engine, "shop", as_json=True, timeout=30, clock=lambda: next(ticks))


def test_a_wait_has_an_end_and_the_run_goes_on() -> None:
    ticks = iter(range(0, 1_000, 10))
    with pytest.raises(
        StillUnderWay, match=r"not done within 30.0 s \(run 1 RUNNING: 40 of"
    ) as left:
        watch_to_its_end(
            engine_of(FakeCluster([experiment()])),
            "shop",
            as_json=True,
            timeout=30,
            clock=lambda: next(ticks),
        )
    assert str(left.value).endswith("it goes on: kubectl rowmill status shop -w")


def test_whoever_leaves_a_watch_or_a_log_is_told_how_to_come_back() -> None:
    class Left(FakeCluster):
        def experiment(self, name: str) -> Raw:
            raise KeyboardInterrupt

    engine = engine_of(Left(), options="-n trial")
    with pytest.raises(Interrupted) as left:
        watch_to_its_end(engine, "shop", as_json=True)
    assert str(left.value).endswith("the run goes on: kubectl rowmill status shop -w -n trial")
    with pytest.raises(Interrupted) as left:
        logs_of_shards(engine, "shop", run=2, shard=0, follow=True)
    again = "kubectl rowmill logs shop --run 2 --shard 0 -f -n trial"
    assert str(left.value).endswith(f"the run goes on: {again}")


def test_a_reason_that_the_message_begins_with_is_said_once() -> None:
    def told(reason: str, message: str) -> str:
        run = RunRecord(experiment="shop", namespace="local", state=State.SUSPENDED)
        return explained(replace(run, reason=reason, message=message))

    assert told("Suspended", "suspended by `rowmill suspend`") == "suspended by `rowmill suspend`"
    assert told("Suspended", "spec.suspend is true") == "Suspended: spec.suspend is true"


def test_what_is_watched_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    failed = experiment("Failed", message="bad \x1b]0;pwned\x07")
    with pytest.raises(typer.Exit), ending(TRANSLATIONS, as_json=False):
        watch_to_its_end(engine_of(FakeCluster([failed])), "shop")
    shown = capsys.readouterr().out
    assert "bad \\x1b]0;pwned\\x07" in shown
    assert "\x1b" not in shown


def test_watching_outlives_an_api_server_that_is_away_for_a_while(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Restarting(FakeCluster):
        def experiment(self, name: str) -> Raw:
            found = super().experiment(name)
            if self.looks in (2, 3):
                raise ApiUnreachable("restarting")
            return found

    cluster = Restarting([experiment(), experiment(), experiment(), experiment("Complete")])
    watch_to_its_end(engine_of(cluster), "shop", as_json=True)
    assert cluster.looks == 4
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rowmill: ")]
    assert said == [
        "rowmill: restarting; trying again for a minute or so",
        "rowmill: the API server answers again",
    ]


def test_an_api_server_that_is_away_for_a_moment_is_not_worth_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = iter([ApiUnreachable("restarting"), None])

    def ask() -> str:
        error = next(answers)
        if error is not None:
            raise error
        return "here"

    assert patiently(ask, notice, _no_sleep) == "here"
    assert capsys.readouterr() == ("", "")


def test_watching_gives_up_on_an_api_server_that_stays_away() -> None:
    class Gone(FakeCluster):
        def experiment(self, name: str) -> Raw:
            if self.looks:
                raise ApiUnreachable("gone")
            return super().experiment(name)

    with pytest.raises(ApiUnreachable, match="gone"):
        watch_to_its_end(engine_of(Gone([experiment()])), "shop", as_json=True)


def test_bars_show_tables_the_whole_and_texts_as_they_are() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    with display_on(console) as display:
        display(Experiment(experiment(rowsPerSecond=9, etaSeconds=7)).progress)
        display(Experiment(experiment("Finalizing", message="[key] of orders", rows=100)).progress)
    shown = screen.getvalue()
    for text in ("orders", "empty", "run 1 FINALIZING", "Finalizing: [key] of orders"):
        assert text in shown


def test_of_many_tables_some_have_bars_and_all_count() -> None:
    tables = [{"name": f"t{number}", "rows": 1, "rowsTotal": 2} for number in range(60)]
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200, height=70, color_system=None)
    with display_on(console) as display:
        display(Experiment(experiment(status={"tables": tables})).progress)
    assert "t19" in screen.getvalue()
    assert "t20" not in screen.getvalue()
    assert "run 1 RUNNING" in screen.getvalue()


def test_watching_takes_one_experiment() -> None:
    with pytest.raises(UsageError, match="NAME"):
        status(engine_of(FakeCluster()), None, True, Output.TEXT)
