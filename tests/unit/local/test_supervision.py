"""What this machine keeps of a run that it supervised, for when no server can tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from rowmill.destinations.errors import Fenced
from rowmill.engine.records import Progress, RunRecord, State
from rowmill.engine.request import RunRequest
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.run import running
from rowmill.local.run.outcome import Outcome
from rowmill.local.run.progress import Phase, ProgressBoard
from rowmill.local.run.run_hooks import RunHooks
from rowmill.local.run.watch import LockLost
from rowmill.local.run_errors import RunFailed
from rowmill.local.source import Source
from rowmill.local.supervision import Supervision
from rowmill.local.workers.child_process import Child
from rowmill.plan.layout import Plan
from rowmill.plan.run_source import RunSource
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Connections
from rowmill.worker.remaining import Durable
from rowmill.worker.start.prepared import Prepared

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables: [{name: orders, rows: 9, columns: [{name: id, type: bigint}]}]
  destinations: {parquet: {bucket: lake}}
"""
PLAN = Plan("sha256:0", 1, (), (1,))
RUN = Run(
    "id", "me@here/local/shop", "u", 4, RunState.RUNNING, PLAN, datetime.now(UTC), None, "", {}
)


def fails(
    spec: Spec,
    connections: Connections,
    source: RunSource,
    request: RunRequest,
    hooks: RunHooks,
    *,
    home: Home,
    spare: list[Child],
) -> Outcome:
    hooks.prepared(Prepared(RUN), Durable({}, None))
    board = ProgressBoard(RUN, False, hooks.progress)
    board.turn(Phase.LOADING)
    board.turn(Phase.FAILED)
    raise RunFailed("the disk is full")


def test_how_a_run_failed_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run", fails)
    home, source = Home(tmp_path / "home"), Source("shop.yaml", MANIFEST, None, None, {})
    supervision = Supervision(home, source, source.spec(), cast(Connections, None), [])
    with pytest.raises(RunFailed):
        supervision.run(RunRequest(), RunHooks())
    last = remembered.last_progress(home, "shop")
    assert last is not None
    told = (last.run.number, last.run.state, last.run.message)
    assert told == (4, State.FAILED, "the disk is full")


def frozen(error: Exception, later: RunRecord) -> Callable[..., Outcome]:
    """A run whose supervisor froze, and hears by `error` that another wrote `later` meanwhile."""

    def run(*args: object, hooks: RunHooks, home: Home) -> Outcome:
        hooks.prepared(Prepared(RUN), Durable({}, None))
        board = ProgressBoard(RUN, False, hooks.progress)
        board.turn(Phase.LOADING)
        remembered.keep_progress(home, "shop", Progress(later))
        board.turn(Phase.INTERRUPTED)
        raise RunFailed("it is another's") from error

    def call(*args: Any, home: Home, spare: object) -> Outcome:
        return run(hooks=args[4], home=home)

    return call


@pytest.mark.parametrize("number", [4, 5])
@pytest.mark.parametrize("error", [LockLost("lost"), Fenced("no longer live")], ids=["lock", "run"])
def test_a_supervisor_that_was_frozen_leaves_the_word_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, number: int
) -> None:
    later = RunRecord(
        experiment="shop",
        namespace="local",
        number=number,
        id="id" if number == 4 else "next",
        state=State.COMPLETED,
    )
    monkeypatch.setattr(running, "run", frozen(error, later))
    home, source = Home(tmp_path / "home"), Source("shop.yaml", MANIFEST, None, None, {})
    supervision = Supervision(home, source, source.spec(), cast(Connections, None), [])
    with pytest.raises(RunFailed):
        supervision.run(RunRequest(), RunHooks())
    last = remembered.last_progress(home, "shop")
    assert last is not None
    assert last.run == later
