"""What a person wished of a run, workers and batches, is remembered for the runs after it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rowmill.engine.records import RunRecord, State
from rowmill.engine.request import Mode, RunRequest
from rowmill.local import detached
from rowmill.local.detached import Begun, DetachedRun
from rowmill.local.engine import LocalEngine
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.remembered import Remembered

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables: [{name: people, rows: 9, columns: [{name: id, type: bigint}]}]
  destinations: {postgres: {}}
"""
WISHED = Remembered("shop", MANIFEST, None, 7, {}, RunRequest(workers=3, batch_rows=1_000))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[DetachedRun]:
    """The runs that were begun, none of which is at work."""
    seen: list[DetachedRun] = []
    run = RunRecord(experiment="shop", namespace="local", state=State.RUNNING)

    def start(wanted: DetachedRun, _reports: object) -> Begun:
        seen.append(wanted)
        return Begun(run, 1, repeat=False, resumed=False, rolled_forward=(), reference="shop")

    monkeypatch.setattr(detached, "start_detached", start)
    return seen


@pytest.mark.parametrize("by_file", [False, True])
def test_a_rerun_has_the_workers_and_batches_that_were_wished(
    tmp_path: Path, begun: list[DetachedRun], by_file: bool
) -> None:
    home = Home(tmp_path)
    remembered.keep(home, WISHED)
    engine = LocalEngine(home)
    if by_file:
        source = replace(engine._source("shop"), asked=RunRequest())
        engine = LocalEngine(home, {"shop": source})
    engine.rerun("shop")
    engine.rerun("shop", restart=True)
    assert [run.request for run in begun] == [
        RunRequest(workers=3, batch_rows=1_000, mode=Mode.RERUN),
        RunRequest(workers=3, batch_rows=1_000, mode=Mode.RESTART),
    ]
    assert begun[0].source.remembered("shop") == WISHED


def test_a_resume_has_the_workers_and_leaves_the_batches_to_the_frozen_plan(
    tmp_path: Path, begun: list[DetachedRun]
) -> None:
    home = Home(tmp_path)
    remembered.keep(home, WISHED)
    LocalEngine(home).resume("shop")
    [run] = begun
    assert run.request == RunRequest(workers=3, mode=Mode.RESUME)
    assert run.source.remembered("shop") == WISHED


def test_a_record_of_an_older_release_wishes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    remembered.keep(home, WISHED)
    record = remembered.folder(home, "shop") / "record.json"
    record.write_text(json.dumps({"scale": None, "seed": 7, "secrets": {}}))
    assert remembered.recall(home, "shop") == replace(WISHED, asked=RunRequest())
