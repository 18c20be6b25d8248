"""The one-machine engine: take an experiment from a spec to published data in worker processes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.destinations.ledger import UNFINISHED, ExperimentHold, Run, RunState
from rowmill.local.planning import chosen_workers, plan_for
from rowmill.local.progress import Phase, ProgressBoard, Snapshot
from rowmill.local.supervisor import Interrupted, Supervisor, WorkerFailed
from rowmill.plan.layout import Plan
from rowmill.spec.dataset import Spec
from rowmill.worker.decision import Mode
from rowmill.worker.destinations import Connections, Destinations, join
from rowmill.worker.prepare import Prepared, prepare
from rowmill.worker.remaining import remaining


class RunFailed(Exception):
    """The run is FAILED; the message says why. It can be resumed once the cause is mended."""


class RunAborted(Exception):
    """Somebody aborted the run; it can be resumed."""


@dataclass(frozen=True)
class Options:
    """How to run: each None means the manifest's or the engine's default.

    `source` is kept with a new run (the manifest and overrides); `notice` is told, in a sentence,
    what the user should know while it runs.
    """

    workers: int | None = None
    batch_rows: int | None = None
    mode: Mode = Mode.AUTO
    adopt: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    notice: Callable[[str], None] = lambda text: None

    def restarting(self) -> Options:
        """The same, but starting over."""
        return replace(self, mode=Mode.RESTART)


@dataclass(frozen=True)
class Outcome:
    """How a run ended well. Seconds are wall time by phase; `workers` is peak memory and CPU.

    `rows` is all of the run; `made_rows` what this command generated itself, which is more than was
    missing when a part was made again.
    """

    run: Run
    repeat: bool
    resumed: bool
    workers: int
    seconds: Mapping[str, float]
    snapshot: Snapshot


def run(
    spec: Spec,
    connections: Connections,
    options: Options,
    on_progress: Callable[[Snapshot], None],
) -> Outcome:
    """Run an experiment to its end, or say why not.

    Args:
        on_progress: called with the state of the run as it changes, at most a few times a second.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM; RunAborted: by `rowmill abort`.
        RunFailed: a defect or trouble that outlasted the retries.
        DestinationRefused, DestinationUnavailable: before any work was done.
        EditedManifest, NoRunToResume: see worker/prepare.py.
    """
    started = time.monotonic()
    destinations = join(spec, connections)
    try:
        destinations.ledger.ensure()
        with destinations.ledger.hold_experiment(destinations.owner) as hold, _signals() as signals:
            plan = plan_for(spec, workers=options.workers, batch_rows=options.batch_rows)
            workers = chosen_workers(spec, options.workers)
            prepared = prepare(
                spec,
                destinations,
                plan,
                mode=options.mode,
                adopt=options.adopt,
                source=options.source,
            )
            _tell(prepared, plan, options)
            board = ProgressBoard(prepared.run, prepared.resumed, on_progress)
            if prepared.repeat:
                return Outcome(prepared.run, True, False, 0, {}, board.snapshot())
            execution = _Execution(
                spec, connections, destinations, prepared, workers, hold, signals, board, started
            )
            return execution.run()
    finally:
        destinations.close()


def _tell(prepared: Prepared, plan: Plan, options: Options) -> None:
    run = prepared.run
    if prepared.repeat or not prepared.resumed:
        return
    options.notice(f"resuming run {run.number}: what it made stays")
    if options.batch_rows is not None and run.plan.tables != plan.tables:
        options.notice("the batches of the run's frozen plan hold; --batch-rows is for new runs")


@dataclass
class _Execution:
    """One prepared run on its way to COMPLETED."""

    spec: Spec
    connections: Connections
    destinations: Destinations
    prepared: Prepared
    workers: int
    hold: ExperimentHold
    signals: _Signals
    board: ProgressBoard
    started: float

    def run(self) -> Outcome:
        run = self.prepared.run
        try:
            seconds = self._work(run)
        except Interrupted:
            self.board.turn(Phase.INTERRUPTED)
            raise
        except Fenced as error:
            raise self._fenced(run, error) from error
        except (DestinationRefused, DestinationUnavailable, WorkerFailed) as error:
            self._fail(run, str(error))
            if isinstance(error, DestinationRefused):
                raise
            raise RunFailed(str(error)) from error
        final = self.destinations.ledger.run(run.id) or run
        return Outcome(
            run=final,
            repeat=False,
            resumed=self.prepared.resumed,
            workers=self.workers,
            seconds=seconds,
            snapshot=self.board.turn(Phase.COMPLETE),
        )

    def _work(self, run: Run) -> dict[str, float]:
        durable = self.destinations.durable(run)
        self.board.already(durable)
        shards = [
            shard
            for shard in range(run.plan.shards)
            if any(True for _ in remaining(run.plan, run.plan.shard(shard), durable))
        ]
        supervisor = Supervisor(
            self.spec,
            self.connections,
            workers=max(1, min(self.workers, len(shards))),
            on_progress=self.board.progress,
            on_step=self.board.step,
            check=lambda: self._check(run),
            stop=self.signals.stop,
            kill=self.signals.kill,
        )
        with supervisor:
            ready = time.monotonic()
            self.board.turn(Phase.LOADING)
            supervisor.run_shards(run, shards)
            loaded = time.monotonic()
            self.board.turn(Phase.FINALIZING)
            supervisor.finalize(run)
            ended = time.monotonic()
        publish = ended - (self.board.publishing_since or ended)
        return {
            "prepare": ready - self.started,
            "load": loaded - ready,
            "finalize": ended - loaded - publish,
            "publish": publish,
            "total": ended - self.started,
        }

    def _check(self, run: Run) -> None:
        """Workers learn of an abort at their next commit; this covers what commits rarely."""
        if self.hold.lost():
            raise WorkerFailed(
                "the lock that keeps a second run away was lost with its connection; "
                "run the same command again to resume"
            )
        known = self.destinations.ledger.run(run.id)
        if known is None or known.state not in UNFINISHED:
            raise Fenced(f"run {run.number} is no longer live")

    def _fenced(self, run: Run, error: Fenced) -> Exception:
        known = self.destinations.ledger.run(run.id)
        state = known.state if known else None
        if state is RunState.ABORTED:
            return RunAborted(f"run {run.number} was aborted; run the same command to resume it")
        return RunFailed(f"{error}; its state is now {state or 'gone'}")

    def _fail(self, run: Run, message: str) -> None:
        self.board.turn(Phase.FAILED)
        try:
            self.destinations.ledger.transition(
                run.id,
                frozenset({RunState.RUNNING, RunState.FINALIZING}),
                RunState.FAILED,
                message=message,
            )
        except (DestinationRefused, DestinationUnavailable):
            # The ledger is out of reach, which is why the run failed: it can be resumed as it is.
            return


@dataclass(frozen=True)
class _Signals:
    """`stop` is set by the first Ctrl-C or SIGTERM, `kill` by the second."""

    stop: threading.Event
    kill: threading.Event


@contextmanager
def _signals() -> Iterator[_Signals]:
    signals = _Signals(threading.Event(), threading.Event())
    if threading.current_thread() is not threading.main_thread():
        # Called from a notebook's thread, say: whoever owns the main thread owns the signals.
        yield signals
        return

    def heed(_number: int, _frame: FrameType | None) -> None:
        (signals.kill if signals.stop.is_set() else signals.stop).set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, heed) for number in numbers]
    try:
        yield signals
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
