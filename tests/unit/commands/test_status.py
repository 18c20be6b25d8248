"""`kubectl rowmill status` and `runs` say what the Experiment's status says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rowmill.cluster.experiment import Experiment
from rowmill.commands import status as commands
from rowmill.engine.records import Progress, RunRecord, State
from rowmill.terminal.output import Output
from rowmill.views.watching import line_of
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment


def status(cluster: FakeCluster, name: str | None, output: Output) -> None:
    commands.status(engine_of(cluster), name, False, output)


def runs(cluster: FakeCluster, name: str | None, output: Output) -> None:
    commands.runs(engine_of(cluster), name, output)


def _json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_status_has_the_keys_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    found = experiment(
        rowsPerSecond=9,
        etaSeconds=7,
        step="primary key of orders",
        lastUpdated="2026-01-01T00:00:05Z",
    )
    status(FakeCluster([found]), "shop", Output.JSON)
    document = _json(capsys)
    progress = Progress.from_json(document)
    assert progress.run == RunRecord(
        experiment="shop",
        namespace="team",
        number=1,
        id="abc123",
        state=State.RUNNING,
        reason="Running",
        digest="sha256:0",
        data_version=1,
        rows=40,
        rows_total=100,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert document["tables"][0] == {
        "name": "orders",
        "rows": 40,
        "rowsTotal": 100,
        "batches": 5,
        "batchesDone": 2,
        "completedBatches": "0-1",
    }
    assert (progress.percent, progress.rows_per_second, progress.eta_seconds) == (40, 9, 7)
    assert (progress.step, progress.workers) == ("primary key of orders", 2)
    assert progress.last_updated == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)


def test_status_for_people_names_run_tables_and_what_it_waits_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waiting = experiment("Pending", reason="SecretMissing", message="make the Secret warehouse")
    status(FakeCluster([waiting]), "shop", Output.TEXT)
    out = capsys.readouterr().out
    for text in ("team/shop, run 1: PENDING", "orders", "empty", "make the Secret warehouse"):
        assert text in out


def test_what_no_operator_has_met_says_so_and_has_no_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unmet = {**experiment(), "status": {}}
    status(FakeCluster([unmet]), "shop", Output.TEXT)
    out = capsys.readouterr().out
    assert out == "team/shop: PENDING\nthe operator has not met it yet\n"


def test_an_experiment_that_no_operator_has_seen_is_pending(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unseen = experiment()
    del unseen["status"]
    status(FakeCluster([unseen]), "shop", Output.JSON)
    document = _json(capsys)
    assert Progress.from_json(document) == Progress(
        RunRecord(
            experiment="shop",
            namespace="team",
            state=State.PENDING,
            message="the operator has not met it yet",
        )
    )
    status(FakeCluster([unseen]), "shop", Output.TEXT)
    assert "team/shop: PENDING" in capsys.readouterr().out


def test_a_refused_spec_tells_its_problems_rather_than_what_an_old_run_does() -> None:
    conditions = [
        {
            "type": "Accepted",
            "status": "False",
            "reason": "InvalidSpec",
            "message": "no seed",
        },
        {"type": "Progressing", "status": "True", "reason": "Running", "message": "step"},
    ]
    refused = Experiment(experiment(status={"conditions": conditions}))
    assert (refused.reason, refused.message) == ("InvalidSpec", "no seed")


def test_of_a_run_that_has_not_begun_no_figures_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    conditions = [{"type": "Accepted", "status": "False", "reason": "InvalidSpec", "message": "no"}]
    refused = experiment("Pending", status={"conditions": conditions, "run": None})
    status(FakeCluster([refused]), "shop", Output.JSON)
    document = _json(capsys)
    figures = ("number", "rows", "rowsTotal", "percent", "rowsPerSecond", "etaSeconds")
    assert [document[key] for key in figures] == [None] * len(figures)
    status(FakeCluster([refused]), None, Output.JSON)
    newest = _json(capsys)[0]["newest"]
    assert [newest[key] for key in figures] == [None] * len(figures)


def test_a_step_is_told_once() -> None:
    step = "unique key of customers (email)"
    progress = Experiment(experiment("Finalizing", message=step, step=step)).progress
    assert line_of(progress).count(step) == 1
    other = Experiment(experiment("Finalizing", message="replaces run 1", step=step)).progress
    assert line_of(other).endswith(f"{step}, Finalizing: replaces run 1")


def test_without_a_name_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = FakeCluster([experiment(), experiment("Complete", name="wide", rows=100)])
    status(cluster, None, Output.TEXT)
    out = capsys.readouterr().out
    assert "shop" in out
    assert "wide" in out
    status(cluster, None, Output.JSON)
    assert [each["newest"]["state"] for each in _json(capsys)] == ["RUNNING", "COMPLETED"]


def test_where_there_is_nothing_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = FakeCluster([])
    status(cluster, None, Output.TEXT)
    runs(cluster, None, Output.TEXT)
    assert capsys.readouterr().out == (
        "no experiments yet in namespace 'team'\nno runs yet in namespace 'team'\n"
    )


def test_runs_are_listed_once_each_and_oldest_first(capsys: pytest.CaptureFixture[str]) -> None:
    history = [
        {"number": 3, "phase": "Failed", "reason": "Aborted"},
        {"number": 2, "phase": "Aborted", "reason": "Replaced", "rows": 5},
        {"number": 1, "phase": "Complete", "rows": 100, "startedAt": "2026-01-01T00:00:00Z"},
    ]
    aborted = experiment("Failed", reason="Aborted", number=3, status={"history": history})
    runs(FakeCluster([aborted]), "shop", Output.JSON)
    found = _json(capsys)
    assert [(run["number"], run["state"]) for run in found] == [
        (1, "COMPLETED"),
        (2, "ABORTED"),
        (3, "ABORTED"),
    ]
    assert [RunRecord.from_json(run).to_json() for run in found] == found
    assert [run["rowsTotal"] for run in found] == [100, None, 100]
    assert [run["rows"] for run in found] == [100, 5, 40]  # what is durable, of the newest as well
    runs(FakeCluster([aborted]), "shop", Output.TEXT)
    assert "2026-01-01 00:00" in capsys.readouterr().out


def test_runs_mark_what_was_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    history = [
        {"number": 4, "phase": "Complete", "id": "b", "rows": 10},
        {"number": 3, "phase": "Failed", "reason": "RunFailed"},
        {"number": 2, "phase": "Complete", "id": "a", "rows": 100},
        {"number": 1, "phase": "Complete", "id": "a", "rows": 100},
    ]
    complete = experiment("Complete", number=4, id="b", status={"history": history})
    runs(FakeCluster([complete]), "shop", Output.JSON)
    # Run 2 was a repeat of run 1: it replaced nothing.
    assert [(run["number"], run["replacedBy"]) for run in _json(capsys)] == [
        (1, 4),
        (2, 4),
        (3, None),
        (4, None),
    ]
    runs(FakeCluster([complete]), "shop", Output.TEXT)
    assert capsys.readouterr().out.count("replaced by run 4") == 2
    status(FakeCluster([complete]), "shop", Output.JSON)
    assert _json(capsys)["replacedBy"] is None


def test_one_experiment_of_another_release_hides_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    history = [{"number": 1}, {"number": 2, "phase": "Thawed", "startedAt": "soon"}]
    newer = experiment("Thawing", number=3, startedAt="soon", status={"history": history})
    cluster = FakeCluster([newer, experiment(name="wide")])
    status(cluster, None, Output.JSON)
    assert [each["newest"]["state"] for each in _json(capsys)] == ["UNKNOWN", "RUNNING"]
    runs(cluster, None, Output.JSON)
    told = _json(capsys)
    assert [(run["number"], run["state"]) for run in told] == [
        (1, "UNKNOWN"),
        (2, "UNKNOWN"),
        (3, "UNKNOWN"),
        (1, "RUNNING"),
    ]
    assert told[2]["startedAt"] is None
    for show in (runs, status):
        show(cluster, None, Output.TEXT)
        assert "wide" in capsys.readouterr().out


def test_of_a_past_run_the_reason_is_a_word_and_the_message_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    history = [
        {"number": 1, "phase": "Failed", "reason": "OOMKilled"},
        {"number": 2, "phase": "Complete"},
    ]
    cluster = FakeCluster([experiment("Complete", number=3, status={"history": history})])
    runs(cluster, "shop", Output.JSON)
    assert [(run["reason"], run["message"]) for run in _json(capsys)] == [
        ("OOMKilled", ""),
        (None, ""),
        ("Complete", ""),
    ]
    runs(cluster, "shop", Output.TEXT)
    assert "OOMKilled" in capsys.readouterr().out


def test_a_line_for_each_experiment_reads_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    unreadable = experiment(status={"tables": [{"rows": "of another release"}]})
    status(FakeCluster([unreadable]), None, Output.TEXT)
    assert "40 %" in " ".join(line_of(Experiment(unreadable).overall).split())
    assert "shop" in capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 80, None])
def test_no_word_is_broken_or_cut_at_any_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int | None
) -> None:
    monkeypatch.setenv("COLUMNS", str(width or 40))
    monkeypatch.setattr("sys.stdout.isatty", lambda: width is not None)
    name, message = "n" * 63, "the Secret warehouse is not there: " + "make it " * 20
    long = experiment("Pending", name=name, reason="SecretMissing", message=message)
    cluster = FakeCluster([long, experiment(rowsPerSecond=1_234_567, etaSeconds=3_600)])
    for show, of, wanted in (
        (status, None, f"{name} {message} 1,235 k rows/s"),
        (status, name, f"team/{name}, {message} orders"),
        (runs, None, f"{name} RUNNING"),
    ):
        show(cluster, of, Output.TEXT)
        assert set(wanted.split()) <= set(capsys.readouterr().out.split())
    status(cluster, None, Output.TEXT)
    assert (len(capsys.readouterr().out.splitlines()) == 4) is (width is None)


def test_what_waits_for_its_next_run_shows_no_figures_of_the_run_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    history = [{"number": 1, "phase": "Complete", "rows": 100}]
    waiting = experiment("Pending", reason="Replacing", status={"history": history})
    del waiting["status"]["run"]["rows"]
    found = Experiment(waiting)
    assert (found.progress.percent, found.progress.tables) == (0, ())
    assert line_of(found.progress) == "PENDING"
    status(FakeCluster([waiting]), "shop", Output.TEXT)
    shown = capsys.readouterr().out
    assert "team/shop: PENDING" in shown
    assert "100" not in shown
    status(FakeCluster([waiting]), None, Output.TEXT)
    assert "100" not in capsys.readouterr().out
    runs(FakeCluster([waiting]), "shop", Output.JSON)
    assert [(run["number"], run["state"]) for run in _json(capsys)] == [(1, "COMPLETED")]


def test_a_run_that_does_not_get_on_has_a_rate_of_nothing_and_no_end() -> None:
    line = line_of(Experiment(experiment(rowsPerSecond=0)).progress)
    assert line == "run 1 RUNNING: 40 of 100 rows durable (40 %), 0 rows/s"


def test_batches_are_counted_also_where_the_status_does_not_name_all() -> None:
    scattered = {"name": "t", "rows": 45, "rowsTotal": 95, "batches": 10, "batchRows": 10}
    tables = [{**scattered, "completedBatches": "0-2"}]
    (table,) = Experiment(experiment(status={"tables": tables})).progress.tables
    assert table.batches_done == 5


@pytest.mark.parametrize(
    ("rows", "completed", "done"), [(30, "0-4", 5), (63, "0-8", 9), (45, "0-2", 5)]
)
def test_batches_that_end_short_with_their_parts_are_counted_whole(
    rows: int, completed: str, done: int
) -> None:
    # Parts of 21 rows, in batches of 10, 10 and 1.
    table = {"name": "t", "rows": rows, "rowsTotal": 63, "batches": 9, "batchRows": 10}
    tables = [{**table, "completedBatches": completed}]
    (told,) = Experiment(experiment(status={"tables": tables})).progress.tables
    assert told.batches_done == done


def test_an_empty_run_is_whole_once_it_is_complete() -> None:
    empty: dict[str, Any] = {"rows": 0, "rowsTotal": 0}
    assert Experiment(experiment("Running", **empty)).progress.percent == 0
    assert Experiment(experiment("Complete", **empty)).progress.percent == 100
    assert line_of(Experiment(experiment("Complete", **empty)).progress) == "run 1 COMPLETED"


def test_what_is_known_of_published_data_is_told_in_each_list_and_of_the_run_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    verification = {
        "run": 1,
        "identical": False,
        "rows": 100,
        "differences": 2,
        "where": "orders in postgres: lost row 6",
        "checksum": "sha256:0",
    }
    cluster = FakeCluster([experiment("Complete", rows=100, status={"verification": verification})])
    status(cluster, None, Output.TEXT)
    assert "verify found differences" in capsys.readouterr().out
    runs(cluster, "shop", Output.TEXT)
    assert "verify found differences" in capsys.readouterr().out
    status(cluster, "shop", Output.TEXT)
    assert capsys.readouterr().out.endswith(
        "verify found differences: run 1 differs: orders in postgres: lost row 6 "
        "(differing rows: 2; 100 rows made again); data checksum sha256:0; "
        "verify shop shows each row\n"
    )
