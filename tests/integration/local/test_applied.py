"""Experiments that a program applies to the engine of one machine, which runs them by itself."""

from __future__ import annotations

import json

import pytest

from rowmill.engine.records import State
from rowmill.engine.request import ApplyRequest
from rowmill.errors import Conflict, Unsupported
from rowmill.local import engine as local_engine
from rowmill.local.engine import LocalEngine
from rowmill.local.home.folder import Home
from rowmill.spec.load import Overrides
from rowmill.spec.problems import InvalidManifest
from tests.integration.experiments import PEOPLE, manifest


@pytest.fixture
def engine(home: Home, servers: object) -> LocalEngine:
    return LocalEngine(home)


def wanted(name: str, rows: int = 100) -> ApplyRequest:
    content = manifest(name, tables=[{**PEOPLE, "rows": rows}], parquet=None)
    return ApplyRequest(json.dumps(content), Overrides(scale="2"))


def test_what_is_applied_is_run_and_what_is_there_already_is_not(
    name: str, engine: LocalEngine
) -> None:
    begun = engine.apply(wanted(name))
    assert begun is not None
    assert (begun.number, begun.rows_total) == (1, 200)
    *_, last = engine.watch(name)
    assert (last.run.state, last.run.rows) == (State.COMPLETED, 200)
    assert engine.apply(wanted(name)) is None
    assert next(line.text for line in engine.logs(name)) == f"run 1 of {name}, 200 rows"
    with pytest.raises(Unsupported, match="one log"):
        engine.logs(name, shard=1)


def test_a_dry_run_begins_nothing(name: str, engine: LocalEngine) -> None:
    assert engine.apply(wanted(name), dry_run=True) is None
    assert name not in [each.name for each in engine.list(search=name).items]
    with pytest.raises(InvalidManifest):
        engine.apply(ApplyRequest("kind: Experiment"), dry_run=True)


def test_what_somebody_changed_meanwhile_is_not_overwritten(
    name: str, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Conflict, match="is not what it was") as unknown:
        engine.apply(wanted(name), if_match="0")
    assert unknown.value.reason == "EtagMismatch"
    engine.apply(wanted(name))
    *_, _ = engine.watch(name)
    seen = engine.get(name).etag
    engine.apply(wanted(name, 300), if_match=seen)
    with pytest.raises(Conflict, match="is not what it was"):
        engine.apply(wanted(name, 400), if_match=seen)
    # As where both looked before either began.
    monkeypatch.setattr(local_engine, "refuse_changed", lambda home, name, etag: None)
    *_, _ = engine.watch(name)
    with pytest.raises(Conflict, match="is not what it was"):
        engine.apply(wanted(name, 400), if_match=seen)
    *_, last = engine.watch(name)
    assert (last.run.number, last.run.rows_total) == (2, 600)
