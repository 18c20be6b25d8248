"""Whole runs by the Python API: every shape of experiment arrives, and verify agrees."""

import subprocess
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

import rowmill
from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger
from rowmill.plan.run_source import Versions, source_of
from rowmill.version import VERSION
from tests.integration.experiments import ORDERS, PEOPLE, Manifest, manifest, write

EMPTY: Manifest = {
    "name": "empty",
    "rows": 0,
    "primaryKey": ["id"],
    "columns": [{"name": "id", "type": "bigint"}],
}
SINGLE = {**EMPTY, "name": "single", "rows": 1}


@pytest.fixture(autouse=True)
def _servers(servers: object) -> Iterator[None]:
    return iter([None])


def checksums(experiment: rowmill.Experiment) -> dict[str, str]:
    """The tables' data checksums, once every destination was found to agree with them."""
    report = experiment.verify()
    assert report.identical, report
    return {table.table: table.checksum for table in report.tables}


@pytest.mark.parametrize("missing", ["postgres", "parquet"])
def test_one_destination_alone_with_empty_and_one_row_tables(
    name: str, tmp_path: Path, missing: str
) -> None:
    tables = [PEOPLE, EMPTY, SINGLE]
    file = write(tmp_path / "m.yaml", manifest(name, tables=tables, **{missing: None}))
    experiment = rowmill.load(file)
    seen: list[rowmill.Snapshot] = []
    outcome = experiment.run(on_progress=seen.append)
    assert outcome.run.state == "COMPLETED"
    doing = [snapshot.doing for snapshot in seen]
    *begun, publish, complete = list(dict.fromkeys(doing))
    begun, built = begun[:3], begun[3:]
    assert begun == ["loading", "finalizing", "compare with the plan"]
    assert (publish, complete) == ("publish", "complete")
    # Tables are built side by side, in any order; each has its key before it is counted.
    steps = [
        (f"primary key of {table} (id)", f"statistics and count of {table}")
        for table in ("people", "empty", "single")
        if missing != "postgres"
    ]
    assert sorted(built) == sorted(step for pair in steps for step in pair)
    assert all(built.index(key) < built.index(count) for key, count in steps)
    assert doing[-1] == "complete"
    assert seen[-1].rows == seen[-1].total == 2_501
    assert {vitals.peak_bytes > 2**20 for vitals in outcome.snapshot.workers.values()} == {True}
    assert set(checksums(experiment)) == {"people", "empty", "single"}
    assert experiment.run().repeat


def test_a_run_brings_the_ledger_up_to_date_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure = PostgresLedger.ensure
    calls: list[PostgresLedger] = []

    def counting(self: PostgresLedger) -> Iterable[str]:
        calls.append(self)
        return ensure(self)

    monkeypatch.setattr(PostgresLedger, "ensure", counting)
    rowmill.load(write(tmp_path / "m.yaml", manifest(name, tables=[SINGLE], parquet=None))).run()
    assert len(calls) == 1


def test_what_a_run_replaces_is_told_without_being_asked_for(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path / "m.yaml", manifest(name, tables=[PEOPLE], parquet=None))
    assert rowmill.load(file).run().replaces is None
    assert caplog.messages == []
    smaller = rowmill.load(file, scale=0.1).run()
    assert str(smaller.replaces) == "run 1 (2,500 rows)"
    assert caplog.messages == ["run 2 replaces run 1 (2,500 rows) when it is published"]
    caplog.clear()
    told: list[str] = []
    rowmill.load(file).run(on_notice=told.append)
    assert told == ["run 3 replaces run 2 (250 rows) when it is published"]
    assert caplog.messages == []


def test_what_python_ran_keeps_what_it_came_from(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / "m.yaml", manifest(name, tables=[SINGLE], parquet=None))
    source = source_of(rowmill.load(file, scale=2, seed=7).run().run)
    assert source is not None
    assert (source.manifest, source.scale, source.seed) == (file.read_text(), "2", 7)
    assert source.versions == Versions(VERSION, pa.__version__, data=1)


def test_options_of_the_caller_hold_in_verify(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / "m.yaml", manifest(name, tables=[PEOPLE], parquet=None))
    rowmill.load(file, scale=0.02, seed=7).run()
    for given in (rowmill.load(file), rowmill.load(file, scale="0.020", seed=7)):
        assert given.verify().identical
    others = [
        rowmill.load(file, scale=0.04, seed=9),
        rowmill.load(file, scale=1),
        rowmill.load(file, seed=9),
    ]
    for other in others:
        with pytest.raises(rowmill.NothingPublished, match=r"started with scale=0\.02 seed=7;"):
            other.verify()


def test_what_is_returned_shows_itself_in_one_line(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / "m.yaml", manifest(name, tables=[PEOPLE, SINGLE], parquet=None))
    experiment = rowmill.load(file)
    seen: list[rowmill.Snapshot] = []
    outcome = experiment.run(on_progress=seen.append)
    rows = "people, single; 2,501 rows"
    assert repr(experiment) == f"<Experiment {name}: {rows}>"
    assert repr(experiment.spec) == f"<Spec {name}: <Dataset: {rows}>>"
    took = f"{outcome.seconds['total']:.1f} s"
    assert repr(outcome) == f"<Outcome: run 1 COMPLETED, 2,501 rows, {took}>"
    assert repr(experiment.run()) == "<Outcome: run 1 COMPLETED, 2,501 rows, left as it was>"
    assert repr(outcome.run) == f"<Run 1 of {outcome.run.owner}: COMPLETED, 2,501 rows>"
    assert repr(outcome.run.plan).startswith(f"<Plan: {rows} in ")
    assert repr(seen[-1]) == "<Snapshot: run 1 complete, 2,501 of 2,501 rows>"
    report = experiment.verify()
    assert repr(report) == "<Verification: run 1 identical>"
    [comparison] = report.tables[0].comparisons
    assert repr(comparison) == "<Comparison: postgres, 2,500 rows, identical>"


def test_a_refusal_shows_the_callers_line_and_none_of_the_machinery(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = manifest(name, tables=[SINGLE], postgres={"schema": name}, parquet=None)
    experiment = rowmill.load(write(tmp_path / "m.yaml", content))
    with pytest.raises(rowmill.NothingPublished) as unpublished:
        experiment.verify()
    assert str(unpublished.value).endswith("is published yet; start one with run()")
    monkeypatch.setenv("ROWMILL_ENGINE", "first")
    experiment.run()
    monkeypatch.setenv("ROWMILL_ENGINE", "second")
    with pytest.raises(rowmill.DestinationRefused) as refused:
        experiment.run()
    assert refused.value.reason == "TargetInUse"
    assert f"adopt='first/local/{name}'" in str(refused.value)
    shown = "".join(traceback.format_exception(refused.value))
    # Ours, the caller's and the method's, each with its line of code and no cause.
    assert shown.count("  File ") == 2
    assert "experiment.run()" in shown
    with pytest.raises(rowmill.NoRunToResume) as nothing:
        rowmill.load(tmp_path / "m.yaml", scale=2).run(mode=rowmill.Mode.RESUME)
    assert "--" not in str(nothing.value)


def test_batches_and_workers_change_no_row(name: str, tmp_path: Path) -> None:
    tables = [{**PEOPLE, "rows": 4_321}, ORDERS]
    small = manifest(name, tables=tables)
    large = manifest(f"{name}-2", tables=tables)
    del large["spec"]["batchRows"]
    found = []
    for content, workers, batch_rows in ((small, 1, 1_000), (large, 2, None)):
        experiment = rowmill.load(write(tmp_path / "m.yaml", content))
        outcome = experiment.run(workers=workers, batch_rows=batch_rows)
        assert outcome.run.plan.tables[0].batches == (5 if batch_rows else 1)
        found.append(checksums(experiment))
    assert found[0] == found[1]


def test_a_hostile_owner_is_kept_apart_and_taken_over(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = "it's\"me%s;--@höst"
    experiment = rowmill.load(write(tmp_path / "m.yaml", manifest(name, tables=[SINGLE])))
    monkeypatch.setenv("ROWMILL_ENGINE", owner)
    experiment.run()
    checksums(experiment)
    monkeypatch.setenv("ROWMILL_ENGINE", "other")
    adopted = experiment.run(adopt=f"{owner}/local/{name}")
    assert adopted.run.owner == f"other/local/{name}"
    checksums(experiment)


def test_rows_are_made_without_a_server(name: str) -> None:
    text = yaml.safe_dump(manifest(name, tables=[PEOPLE, ORDERS]))
    experiment = rowmill.load("text", text=text, scale=2, seed=3)
    assert experiment.tables == {"people": 5_000, "orders": 5_000}
    whole = experiment.table("people")
    assert whole.num_rows == 5_000
    assert experiment.table("people", 1_234, 1_240).equals(whole.slice(1_234, 6))
    assert experiment.table("people", columns=["born"]).column_names == ["born"]
    with pytest.raises(KeyError):
        experiment.table("nothing")
    with pytest.raises(IndexError):
        experiment.table("people", 0, 5_001)


def test_warnings_are_there_to_be_read(name: str) -> None:
    alike = {**SINGLE, "columns": [*SINGLE["columns"], {"name": "ID", "type": "bigint"}]}
    [warning] = rowmill.load("text", text=yaml.safe_dump(manifest(name, tables=[alike]))).warnings
    assert warning.path == "spec.tables[0].columns[1].name"
    assert '"id" and "ID"' in warning.message
    assert rowmill.load("text", text=yaml.safe_dump(manifest(name))).warnings == ()


def test_importing_rowmill_and_asking_for_help_stay_light() -> None:
    heavy = "{'numpy', 'pydantic', 'pyarrow', 'psycopg', 'botocore', 'yaml'} & set(sys.modules)"
    for line in (
        "import rowmill",
        "import sys; sys.argv[1:] = ['--help']; from rowmill.cli import main\n"
        "try: main()\nexcept SystemExit: pass",
    ):
        code = f"import sys\n{line}\nprint('heavy:', {heavy})"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.endswith("heavy: set()\n")
