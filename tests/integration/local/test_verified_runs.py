"""With `verify: AfterRun` a run is verified once it is published, and its outcome tells."""

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

import rowmill
from rowmill.engine.verification import Kind
from rowmill.local.run.progress import Phase
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import wait_until
from tests.integration.experiments import PEOPLE, Connection, manifest


@pytest.fixture
def experiment(name: str) -> Callable[..., rowmill.Experiment]:
    def load(**spec: Any) -> rowmill.Experiment:
        postgres = {"ledgerSchema": f"{name}_ledger"}
        content = manifest(name, tables=[PEOPLE], postgres=postgres, parquet=None, **spec)
        return rowmill.load(name, text=json.dumps(content))

    return load


def test_a_run_is_verified_after_it_is_published_and_a_repeat_is_not(
    experiment: Callable[..., rowmill.Experiment],
) -> None:
    assert experiment().run().verification is None
    seen: list[str] = []
    verified = experiment(verify="AfterRun", seed=1)
    outcome = verified.run(on_progress=lambda snapshot: seen.append(snapshot.phase))
    report = outcome.verification
    assert report is not None
    assert (report.run_id, report.identical) == (outcome.run.id, True)
    assert repr(outcome).endswith(" s, identical>")
    assert report.checksum == verified.verify().checksum
    phases = list(dict.fromkeys(seen))
    assert phases[-3:] == [Phase.FINALIZING, Phase.VERIFYING, Phase.COMPLETE]
    repeat = verified.run()
    assert (repeat.repeat, repeat.verification) == (True, None)


def test_what_somebody_changed_meanwhile_is_in_the_outcome_of_a_run_that_is_complete(
    name: str, experiment: Callable[..., rowmill.Experiment], database: Connection
) -> None:
    def change(snapshot: rowmill.Snapshot) -> None:
        if snapshot.phase is Phase.VERIFYING and not snapshot.step:
            assert snapshot.percent == 100
            database.execute(f"UPDATE {name}.people SET name = 'Nobody' WHERE id = 7")

    outcome = experiment(verify="AfterRun").run(on_progress=change)
    assert outcome.run.state == "COMPLETED"
    report = outcome.verification
    assert report is not None
    [table] = report.tables
    [comparison] = table.comparisons
    assert comparison.counts == {Kind.CHANGED: 1}
    assert repr(outcome).endswith(" s, differs>")


def test_an_interrupted_verification_leaves_a_complete_run_and_says_so(
    experiment: Callable[..., rowmill.Experiment],
) -> None:
    def interrupt(snapshot: rowmill.Snapshot) -> None:
        if snapshot.phase is Phase.VERIFYING:
            signal.raise_signal(signal.SIGINT)

    verified = experiment(verify="AfterRun")
    why = f"interrupted; `rowmill verify {verified.spec.name}` does it at any time"
    said = f"^run 1 is complete, and was not verified: {why}"
    with pytest.raises(rowmill.Interrupted, match=said):
        verified.run(on_progress=interrupt)
    # Nothing is left to be made.
    assert verified.run().repeat


@pytest.mark.parametrize("verify", ["AfterRun", "Never"])
def test_a_run_that_is_stopped_while_it_is_published_is_complete_all_the_same(
    name: str, experiment: Callable[..., rowmill.Experiment], verify: str
) -> None:
    struck: list[str] = []

    def interrupt(snapshot: rowmill.Snapshot) -> None:
        # Once: a second one would end it at once.
        if snapshot.doing == "publish" and not struck:
            struck.append(snapshot.doing)
            signal.raise_signal(signal.SIGTERM)

    running = partial(experiment(verify=verify).run, on_progress=interrupt)
    if verify == "Never":
        assert running().run.state == "COMPLETED"
        return
    said = f"^run 1 is complete, and was not verified: interrupted; `rowmill verify {name}` does"
    with pytest.raises(rowmill.Interrupted, match=said):
        running()
    run = rowmill.local_engine().status(name).run
    assert run.verification is not None
    assert (run.state, run.verification.reason) == ("COMPLETED", "Interrupted")


def test_a_run_that_is_verified_takes_its_lock_back_after_its_session_was_cut(
    name: str, experiment: Callable[..., rowmill.Experiment], database: Connection
) -> None:
    session = f"rowmill supervisor %:{os.getpid()}"

    def held() -> bool:
        found = "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) "
        condition = "WHERE locktype = 'advisory' AND granted AND application_name LIKE %s)"
        return database.execute(found + condition, (session,)).fetchone() == (True,)

    def cut(snapshot: rowmill.Snapshot) -> None:
        if snapshot.phase is Phase.VERIFYING and not snapshot.step:
            database.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE application_name LIKE %s",
                (session,),
            )
            wait_until(held)
            verdict = rowmill.local_engine().status(name).run.verification
            assert verdict is not None
            assert verdict.awaited

    outcome = experiment(verify="AfterRun").run(on_progress=cut)
    assert outcome.verification is not None
    assert outcome.verification.identical


def test_a_verification_that_finds_no_run_says_that_the_run_is_complete(
    name: str, experiment: Callable[..., rowmill.Experiment], database: Connection
) -> None:
    def lose(snapshot: rowmill.Snapshot) -> None:
        if snapshot.phase is Phase.VERIFYING:
            database.execute(f"ALTER SCHEMA {name}_ledger RENAME TO {name}_moved")

    verified = experiment(verify="AfterRun")
    said = "^run 1 is complete, and was not verified: no run of it is published yet"
    with pytest.raises(rowmill.NothingPublished, match=said):
        verified.run(on_progress=lose)


def test_a_verify_by_hand_keeps_its_verdict_where_it_may_write_and_is_an_answer_anyway(
    name: str,
    experiment: Callable[..., rowmill.Experiment],
    database: Connection,
    servers: EmbeddedServers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kept() -> bool | None:
        verdict = rowmill.local_engine().status(name).run.verification
        return None if verdict is None else verdict.identical

    experiment().run()
    file = tmp_path / "reader.env"
    known = {**exports(servers), "PGUSER": f"reader {name}", "PGPASSWORD": "reads"}
    file.write_text("".join(f"{key}='{value}'\n" for key, value in known.items()))
    role = sql.Identifier(f"reader {name}")
    database.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'reads'").format(role))
    try:
        for schema in (name, f"{name}_ledger"):
            grants = (
                "GRANT USAGE ON SCHEMA {0} TO {1}; GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO {1}"
            )
            database.execute(sql.SQL(grants).format(sql.Identifier(schema), role))
        postgres = {"ledgerSchema": f"{name}_ledger", "secretName": "warehouse"}
        content = manifest(name, tables=[PEOPLE], postgres=postgres, parquet=None)
        reading = rowmill.load(name, text=json.dumps(content), secrets={"warehouse": file})
        assert reading.verify().identical
    finally:
        database.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("ROWMILL_ENGINE", "colleague@there")
        assert experiment().verify().identical
    assert kept() is None
    assert experiment().verify().identical
    assert kept() is True
    database.execute(f"UPDATE {name}.people SET name = 'Nobody' WHERE id = 7")
    assert not experiment().verify().identical
    assert kept() is False
