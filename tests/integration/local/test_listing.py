"""The list of experiments tells of each what a look at it alone tells."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rowmill.destinations.postgres.session import PostgresSession
from rowmill.engine.records import ExperimentRecord, State
from rowmill.engine.verdict import Verdict, awaited
from rowmill.local.connections import find_connections
from rowmill.local.engine import LocalEngine
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import forget
from rowmill.local.home.remembered import Remembered
from rowmill.local.reports import Reports
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.plan.run_source import SOURCE, RunSource
from rowmill.plan.runs import SUSPENDED, Run, RunState, because
from rowmill.worker.destinations import Connections, Destinations
from rowmill.worker.verdicts import keep_verdict
from tests.integration.experiments import PEOPLE, manifest
from tests.integration.worker.env import Env, plan_of

UNFINISHED = frozenset({RunState.RUNNING})
IDENTICAL = Verdict(identical=True, reason="Identical", rows=2_500)


@dataclass
class Ledgers:
    """Experiments whose runs are written into their ledgers, and that this home remembers."""

    home: Home
    name: str
    stack: ExitStack
    opened: dict[str, Destinations] = field(default_factory=dict)

    def known(
        self,
        what: str,
        postgres: Mapping[str, Any] | None = {},
        parquet: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Path] = {},
        **spec: Any,
    ) -> Env:
        """An experiment without runs; its ledger, where that is reached, is there."""
        called = f"{self.name}-{what}"
        content = manifest(called, tables=[PEOPLE], postgres=postgres, parquet=parquet, **spec)
        text = json.dumps(content)
        remembered.keep(self.home, Remembered(called, text, None, None, secrets))
        env = Env(content, Connections("", None, None))
        env.connections = find_connections(env.spec, secrets, self.home)
        self.opened[what] = self.stack.enter_context(closing(env.open_destinations()))
        return env

    def run(self, what: str, *, number: int = 1, **where: Any) -> Run:
        """A run of it that is RUNNING, of which the first batch is durable in Postgres."""
        env = self.known(what, **where) if what not in self.opened else None
        there = self.opened[what]
        there.ledger.ensure()
        if env is not None:
            there.ledger.runs.claim(there.owner, uuid.uuid4().hex)
        run = Run(
            id=uuid.uuid4().hex[:12],
            owner=there.owner,
            uid=there.ledger.runs.uid(there.owner) or "",
            number=number,
            state=RunState.RUNNING,
            plan=plan_of(there.spec),
            started_at=datetime.now(UTC),
            finished_at=None,
            message="",
            summary={SOURCE: RunSource("a manifest").to_json()},
        )
        there.ledger.runs.create(run)
        if there.session is not None:
            schema = there.spec.postgres.ledger_schema if there.spec.postgres else ""
            insert_batch(there.session, schema, run.id)
        return run

    def ended(self, what: str, state: RunState, *, number: int = 1, **where: Any) -> Run:
        """A run of it that has ended so."""
        run = self.run(what, number=number, **where)
        message = f"it is {state}"
        self.opened[what].ledger.runs.transition(run.id, UNFINISHED, state, message=message)
        return run


def insert_batch(session: PostgresSession, schema: str, run_id: str) -> None:
    session.transaction(
        lambda cursor: cursor.execute(
            f'INSERT INTO "{schema}".batches SELECT key, 0, 0 FROM "{schema}".runs WHERE id = %s',
            (run_id,),
        )
    )


@pytest.fixture
def ledgers(home: Home, name: str, servers: object) -> Iterator[Ledgers]:
    with ExitStack() as stack:
        made = Ledgers(home, name, stack)
        yield made
    for what in made.opened:
        forget(home, f"{name}-{what}")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def engine(home: Home, told: list[str]) -> LocalEngine:
    return LocalEngine(home, reports=Reports(notice=told.append))


def listed(engine: LocalEngine, name: str) -> dict[str, ExperimentRecord]:
    found = engine.list(search=name).items
    assert [each.name for each in found] == sorted(each.name for each in found)
    return {each.name.removeprefix(f"{name}-"): each for each in found}


def alone(engine: LocalEngine, name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """What a look at each one alone tells."""
    return {what: engine.get(f"{name}-{what}") for what in found}


def test_each_is_told_as_a_look_at_it_alone_tells_it(
    name: str,
    engine: LocalEngine,
    ledgers: Ledgers,
    told: list[str],
    long_started: None,
) -> None:
    ledgers.ended("completed", RunState.COMPLETED)
    ledgers.ended("failed", RunState.FAILED)
    ledgers.ended("aborted", RunState.ABORTED)
    ledgers.run("interrupted")
    run = ledgers.run("suspended")
    summary = because(SUSPENDED, "somebody did")
    ledgers.opened["suspended"].ledger.runs.transition(
        run.id, UNFINISHED, RunState.ABORTED, message="somebody did", summary=summary
    )
    ledgers.run("running")
    ledgers.ended("reset", RunState.COMPLETED)
    ledgers.ended("reset", RunState.RESET, number=2)
    ledgers.ended("taken-up", RunState.COMPLETED)
    ledgers.run("taken-up", number=2)
    ended = ledgers.ended("verified", RunState.COMPLETED)
    keep_verdict(ledgers.opened["verified"].ledger.runs, ended, IDENTICAL)
    for what in ("awaited", "left-alone"):
        ended = ledgers.ended(what, RunState.COMPLETED)
        keep_verdict(ledgers.opened[what].ledger.runs, ended, awaited(1))
    ledgers.known("none")
    ledgers.known("held", suspend=True)
    elsewhere: dict[str, Any] = {"postgres": {"ledgerSchema": f"{name}_ledger"}}
    ledgers.ended("other-completed", RunState.COMPLETED, **elsewhere)
    ledgers.run("other-interrupted", **elsewhere)
    ledgers.known("no-ledger", postgres={"ledgerSchema": f"{name}_none"})
    both: dict[str, Any] = {"parquet": {"prefix": f"{name}-both"}}
    ledgers.ended("both-failed", RunState.FAILED, **both)
    alone_there: dict[str, Any] = {"postgres": None, "parquet": {"prefix": f"{name}-bucket"}}
    ledgers.ended("bucket-completed", RunState.COMPLETED, **alone_there)
    ledgers.run("bucket-interrupted", **alone_there)
    real = ledgers.known("real")
    real.complete(ledgers.opened["real"])
    ledgers.known("colleague", postgres={"schema": f"{name}-real"})

    with ExitStack() as held:
        for what in ("running", "awaited"):
            there = ledgers.opened[what]
            held.enter_context(there.ledger.locks.hold_experiment(there.owner))
        found = listed(engine, name)
        assert found == alone(engine, name, ledgers.opened)
        assert told == []
        runs = [run for run in engine.runs() if run.experiment.startswith(name)]
        assert {run.experiment for run in runs} == {
            f"{name}-{what}" for what in set(found) - {"none", "held", "no-ledger", "colleague"}
        }
        for what in set(found) - {"none", "held", "no-ledger", "colleague"}:
            own = [run for run in runs if run.experiment == f"{name}-{what}"]
            same = engine.runs(f"{name}-{what}")
            assert own == (list(same) if what != "real" else list(same) * 2)

    states = {what: each.newest.run.state for what, each in found.items()}
    assert states == {
        "completed": State.COMPLETED,
        "failed": State.FAILED,
        "aborted": State.ABORTED,
        "interrupted": State.INTERRUPTED,
        "suspended": State.SUSPENDED,
        "running": State.RUNNING,
        "reset": State.RESET,
        "taken-up": State.INTERRUPTED,
        "verified": State.COMPLETED,
        "awaited": State.COMPLETED,
        "left-alone": State.COMPLETED,
        "none": State.PENDING,
        "held": State.PENDING,
        "other-completed": State.COMPLETED,
        "other-interrupted": State.INTERRUPTED,
        "no-ledger": State.PENDING,
        "both-failed": State.FAILED,
        "bucket-completed": State.COMPLETED,
        "bucket-interrupted": State.INTERRUPTED,
        "real": State.COMPLETED,
        "colleague": State.COMPLETED,
    }
    verdicts = {what: each.newest.run.verification for what, each in found.items()}
    assert verdicts["verified"] == IDENTICAL
    assert (verdicts["awaited"], verdicts["completed"]) == (awaited(1), None)
    assert verdicts["left-alone"] is not None
    assert verdicts["left-alone"].reason == "Interrupted"
    rows = {what: each.newest.run.rows for what, each in found.items()}
    assert (rows["failed"], rows["interrupted"], rows["reset"]) == (1_000, 1_000, 0)
    assert [what for what in found if found[what].suspended] == ["held", "suspended"]
    last = {what: remembered.last_progress(engine.home, f"{name}-{what}") for what in found}
    assert {what: each.run for what, each in last.items() if each is not None} == {
        what: each.newest.run
        for what, each in found.items()
        if what not in ("none", "held", "no-ledger")
    }
    by_state = engine.list(search=name, state=State.FAILED).items
    assert [each.name for each in by_state] == [f"{name}-both-failed", f"{name}-failed"]
    first = engine.list(search=name, limit=2)
    second = engine.list(search=name, limit=2, after=first.after)
    assert [each.name for each in (*first.items, *second.items)] == sorted(
        f"{name}-{what}" for what in found
    )[:4]


def test_one_out_of_reach_or_damaged_hides_no_other(
    name: str,
    engine: LocalEngine,
    ledgers: Ledgers,
    told: list[str],
    servers: EmbeddedServers,
    tmp_path: Path,
) -> None:
    secret = tmp_path / "warehouse.env"
    known = exports(servers)
    secret.write_text("".join(f"{key}='{value}'\n" for key, value in known.items()))
    away: dict[str, Any] = {
        "postgres": {"secretName": "warehouse"},
        "secrets": {"warehouse": secret},
    }
    for what in ("away", "away-too"):
        ledgers.ended(what, RunState.COMPLETED, **away)
    for what in ("damaged", "well"):
        ledgers.ended(what, RunState.COMPLETED)
    before = listed(engine, name)
    assert before == alone(engine, name, ledgers.opened)
    ledgers.known("unseen", **away)
    secret.write_text(secret.read_text() + "PGHOST='no-such-host.invalid'\n")
    damaged = remembered.folder(engine.home, f"{name}-damaged") / "manifest.yaml"
    damaged.write_text("kind: [")
    told.clear()

    found = listed(engine, name)
    assert found["well"] == before["well"]
    states = {what: (each.newest.run.state, each.newest.run.reason) for what, each in found.items()}
    assert states == {
        "away": (State.COMPLETED, "HostUnknown"),
        "away-too": (State.COMPLETED, "HostUnknown"),
        "unseen": (State.UNKNOWN, "HostUnknown"),
        "damaged": (State.COMPLETED, "MemoryDamaged"),
        "well": (State.COMPLETED, None),
    }
    assert found["damaged"].manifest == "kind: ["
    assert sorted(text.partition(":")[0] for text in told) == sorted(
        f"{name}-{what}" for what in set(found) - {"well"}
    )
    runs = [run for run in engine.runs() if run.experiment.startswith(name)]
    assert sorted(run.experiment for run in runs) == sorted(
        f"{name}-{what}" for what in set(found) - {"unseen"}
    )


def test_with_the_servers_down_the_list_tells_what_a_look_tells(
    name: str, engine: LocalEngine, ledgers: Ledgers, tmp_path: Path
) -> None:
    ledgers.ended("completed", RunState.COMPLETED)
    ledgers.run("at-work")
    listed(engine, name)
    down = LocalEngine(Home(tmp_path / "down"))
    for what in ledgers.opened:
        known = remembered.recall(engine.home, f"{name}-{what}")
        progress = remembered.last_progress(engine.home, f"{name}-{what}")
        assert known is not None
        assert progress is not None
        remembered.keep(down.home, known)
        remembered.keep_progress(down.home, known.name, progress)
    found = listed(down, name)
    assert found == alone(down, name, ledgers.opened)
    assert {each.newest.run.state for each in found.values()} == {
        State.COMPLETED,
        State.INTERRUPTED,
    }
    assert list(down.runs()) == [run for each in found for run in down.runs(f"{name}-{each}")]


def test_a_page_asks_each_ledger_once_however_many_experiments_it_has(
    name: str, engine: LocalEngine, ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        ledgers.ended(f"page-{number}", RunState.COMPLETED)
    transaction = PostgresSession.transaction
    calls = []

    def counting(self: PostgresSession, work: Callable[[Any], Any], **how: Any) -> Any:
        calls.append(self)
        return transaction(self, work, **how)

    monkeypatch.setattr(PostgresSession, "transaction", counting)
    few = len(engine.list(search=f"{name}-page-1").items), len(calls)
    calls.clear()
    many = len(engine.list(search=f"{name}-page").items), len(calls)
    assert (few[0], many[0]) == (1, 5)
    assert few[1] == many[1]
    assert len(set(calls)) == 1
