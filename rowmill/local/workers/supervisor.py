"""The supervisor of worker processes: hands out shards, replaces the dead, stops on request."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from threading import Event
from typing import TypeAlias, cast

from rowmill.counting import counted
from rowmill.destinations.patience import ReportWait
from rowmill.local.run_errors import WorkerFailed, interrupted
from rowmill.local.workers.child_process import Child, set_to_work, start_child
from rowmill.local.workers.messages import (
    Command,
    Ended,
    NextShard,
    Progress,
    Report,
    RunFinalize,
    RunShards,
    ShardWanted,
    Step,
    Stop,
    Waits,
)
from rowmill.local.workers.worker_process import main
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Connections

TICK_SECONDS = 0.2
# A stopping worker ends after its batch; one that does not within this time is killed, so that
# Ctrl-C takes at most 10 seconds.
STOP_SECONDS = 7.0

_Work: TypeAlias = RunShards | RunFinalize


@dataclass
class _Worker:
    """A worker process, and what it was handed out and has not ended; the last it is at work on."""

    number: int
    process: Child
    commands: list[_Work] = field(default_factory=list)

    @property
    def pipe(self) -> Connection[Command, Report]:
        return self.process.pipe


class _Waiting:
    """What no worker has: not yet, or no more, since the one that had it died."""

    def __init__(self, commands: Iterable[_Work]) -> None:
        self._commands = deque(commands)
        self._given_back: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._commands)

    def take(self) -> _Work:
        return self._commands.popleft()

    def take_untouched(self) -> RunShards | None:
        """A shard of which nothing was made; None if there is none.

        Who is amid other shards takes no other: what was made of it, the ledger told him before.
        """
        for command in self._commands:
            if isinstance(command, RunShards) and _name(command) not in self._given_back:
                self._commands.remove(command)
                return command
        return None

    def give_back(self, commands: list[_Work]) -> None:
        self._commands.extendleft(reversed(commands))
        self._given_back.update(map(_name, commands))


class Supervisor:
    """Keeps `workers` processes busy; use as a context manager.

    Args:
        spec: by the data version of the runs, since workers cannot resolve it again.
        spare: children that wait to be set to work; those that are taken are removed.
        on_progress: called with a worker's number (a replacement has a new one) and all it did.
        on_step: called with the label of each finalize step.
        on_wait: told of the servers that workers wait for.
        on_death: called with the number of a worker that died, and what is known of that.
        check: called about once a second while waiting; what it raises ends the run.
        stop: set it to interrupt; set `kill` too to end at once.
    """

    def __init__(
        self,
        spec: Spec,
        connections: Connections,
        *,
        workers: int,
        spare: list[Child],
        on_progress: Callable[[int, Progress], None],
        on_step: Callable[[str], None],
        on_wait: ReportWait,
        on_death: Callable[[int, str], None],
        check: Callable[[], None],
        stop: Event,
        kill: Event,
    ) -> None:
        self._spec = spec.for_workers()
        self._connections = connections
        self._wanted = workers
        self._spare = spare
        self._on_progress = on_progress
        self._on_step = on_step
        self._on_wait = on_wait
        self._on_death = on_death
        self._check = check
        self._stop = stop
        self._kill = kill
        self._workers: list[_Worker] = []
        self._started = 0

    def __enter__(self) -> Supervisor:
        self._workers = [self._start() for _ in range(self._wanted)]
        return self

    def __exit__(self, *_: object) -> None:
        while self._workers:
            self._end(self._workers.pop())

    def run_shards(self, run: Run, shards: Iterable[int]) -> None:
        """Return when every shard is durable.

        Raises:
            Interrupted, WorkerFailed, Fenced, DestinationRefused, DestinationUnavailable.
        """
        self._run_all([RunShards(run, shard) for shard in shards])

    def finalize(self, run: Run, connections: int) -> None:
        """Finalize and publish the run in one worker; raises as `run_shards`.

        Args:
            run: all its shards are done.
            connections: over so many to Postgres at most.
        """
        self._run_all([RunFinalize(run, connections)])

    def _run_all(self, commands: Iterable[_Work]) -> None:
        waiting = _Waiting(commands)
        deaths: Counter[str] = Counter()
        checked = time.monotonic()
        while waiting or any(worker.commands for worker in self._workers):
            if self._stop.is_set():
                self._wind_up(waiting)
                return
            self._hand_out(waiting)
            self._listen(waiting, deaths)
            if time.monotonic() - checked > 1:
                checked = time.monotonic()
                self._check()

    def _hand_out(self, waiting: _Waiting) -> None:
        for worker in self._workers:
            if waiting and not worker.commands:
                worker.commands.append(waiting.take())
                self._report(worker, worker.commands[0])

    def _hand_out_next(self, worker: _Worker, waiting: _Waiting) -> None:
        command = waiting.take_untouched()
        if command is not None:
            worker.commands.append(command)
        self._report(worker, NextShard(command.shard if command else None))

    def _listen(self, waiting: _Waiting, deaths: Counter[str]) -> None:
        by_pipe = {worker.pipe: worker for worker in self._workers}
        for ready in wait(list(by_pipe), TICK_SECONDS):
            worker = by_pipe[cast("Connection[Command, Report]", ready)]
            try:
                report = worker.pipe.recv()
            except (EOFError, OSError):
                self._replace(worker, waiting, deaths)
            else:
                self._heed(worker, report, waiting)

    def _heed(self, worker: _Worker, report: Report, waiting: _Waiting) -> None:
        match report:
            case Progress():
                self._on_progress(worker.number, report)
            case ShardWanted():
                self._hand_out_next(worker, waiting)
            case Step(label=label):
                self._on_step(label)
            case Waits(wait=wait):
                self._on_wait(wait)
            case Ended():
                worker.commands.clear()
                if report.error is not None:
                    raise report.error

    def _replace(self, dead: _Worker, waiting: _Waiting, deaths: Counter[str]) -> None:
        """Start a new worker for one that died, and give its shards back."""
        if self._stop.is_set():
            # It may have had the signal too: whoever stops expects no replacement.
            _give_back(dead, waiting)
            return
        dead.process.ended(STOP_SECONDS)
        other = self._start()
        self._workers[self._workers.index(dead)] = other
        self._on_death(dead.number, f"{_how(dead)}; worker {other.number} takes its place")
        if not dead.commands:
            return
        what = _name(dead.commands[-1])
        deaths[what] += 1
        if deaths[what] > self._spec.retries_per_shard:
            raise WorkerFailed(_death(dead, what, deaths[what]))
        waiting.give_back(dead.commands)

    def _wind_up(self, waiting: _Waiting) -> None:
        """Have the workers end; raises Interrupted, unless all that was wanted is done by then.

        A finalize that has begun to publish goes on to its end, and that may be near.
        """
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            self._report(worker, Stop())
        while time.monotonic() < deadline and not self._kill.is_set():
            busy = {worker.pipe: worker for worker in self._workers if worker.commands}
            if not busy:
                break
            for ready in wait(list(busy), TICK_SECONDS):
                self._hear_the_end(busy[cast("Connection[Command, Report]", ready)], waiting)
        if waiting or any(worker.commands for worker in self._workers):
            raise interrupted()

    def _hear_the_end(self, worker: _Worker, waiting: _Waiting) -> None:
        try:
            report = worker.pipe.recv()
        except (EOFError, OSError):
            _give_back(worker, waiting)
            return
        match report:
            case Progress():
                self._on_progress(worker.number, report)
            case Step(label=label):
                self._on_step(label)
            case Ended(error=None):
                worker.commands.clear()
            case Ended():
                _give_back(worker, waiting)

    def _start(self) -> _Worker:
        self._started += 1
        child = self._spare.pop() if self._spare else start_child()
        set_to_work(child, main, self._spec, self._connections)
        return _Worker(self._started, child)

    def _report(self, worker: _Worker, command: Command) -> None:
        try:
            worker.pipe.send(command)
        except OSError:
            # It just died: `_listen` finds the pipe closed and replaces it.
            return

    def _end(self, worker: _Worker) -> None:
        # An idle worker ends when its pipe closes; a busy one is past its time.
        worker.pipe.close()
        if worker.commands or self._kill.is_set():
            worker.process.kill()
        if not worker.process.ended(STOP_SECONDS):
            worker.process.kill()
            worker.process.ended()


def _give_back(worker: _Worker, waiting: _Waiting) -> None:
    waiting.give_back(worker.commands)
    worker.commands = []


def _name(command: _Work) -> str:
    return f"shard {command.shard}" if isinstance(command, RunShards) else "finalizing"


def _death(worker: _Worker, what: str, times: int) -> str:
    return f"the worker of {what} died {counted(times, 'time')} and the last one {_how(worker)}"


def _how(worker: _Worker) -> str:
    code = worker.process.exit_code
    how = f"was killed by signal {-code}" if code is not None and code < 0 else f"exited {code}"
    memory = " (the system may be out of memory: try fewer workers)" if code == -9 else ""
    return how + memory
