"""A worker process of the local engine: takes commands from a pipe, runs shards, reports back.

The main thread only listens, so that a stop is heard at once and the supervisor's death, which
closes the pipe, ends the process whatever it is doing.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Iterator
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Event, Lock, Thread

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.destinations.patience import Patience, Wait
from rowmill.destinations.s3.client import read_descriptions
from rowmill.generate.pools.required import required_pools
from rowmill.local.run_errors import WorkerFailed, interrupted
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
from rowmill.plan.layout import Part
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import (
    Connections,
    Destinations,
    import_destinations,
    open_destinations,
)
from rowmill.worker.finalize import finalize
from rowmill.worker.shard import Stopped, run_parts
from rowmill.worker.shard_context import shard_context_for
from rowmill.worker.tally import Tally, vitals

REPORT_SECONDS = 0.2
# The exit code of a worker whose supervisor is gone: what it did can be resumed.
ORPHANED = 5


def prepare_forks(spec: Spec) -> None:
    """Load what every worker would load for itself, before this process is forked into them.

    No more than files are read: no thread is started and no connection opened.
    """
    import numpy.ma  # noqa: F401 - Arrow asks it of every array of numpy's

    import_destinations(spec)
    required_pools(spec.dataset)
    if spec.parquet is not None:
        read_descriptions()


def main(pipe: Connection[Report, Command], spec: Spec, connections: Connections) -> None:
    """Serve commands until the pipe closes."""
    # Ctrl-C goes to the whole process group; only the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = _Worker(pipe, spec, connections)
    Thread(target=worker.report_for_ever, name="report", daemon=True).start()
    while True:
        try:
            command = pipe.recv()
        except (EOFError, OSError):
            os._exit(ORPHANED)
        worker.obey(command)


class _Worker:
    def __init__(
        self, pipe: Connection[Report, Command], spec: Spec, connections: Connections
    ) -> None:
        self._pipe = pipe
        self._sending = Lock()
        self._spec = spec
        self._connections = connections
        self._stop = Event()
        self._next_shard: SimpleQueue[int | None] = SimpleQueue()
        self._tally = Tally()

    def obey(self, command: Command) -> None:
        if isinstance(command, Stop):
            self._stop.set()
            # There may be no answer any more for who waits for one.
            self._next_shard.put(None)
            return
        if isinstance(command, NextShard):
            self._next_shard.put(command.shard)
            return
        self._stop.clear()
        self._next_shard = SimpleQueue()
        Thread(target=self._do, args=(command,), name="work", daemon=True).start()

    def report_for_ever(self) -> None:
        while True:
            Event().wait(REPORT_SECONDS)
            self._send_progress()

    def _do(self, command: RunShards | RunFinalize) -> None:
        ended = self._try(command)
        self._send(Progress(self._tally.tables(), vitals(self._tally.stretch())))
        self._send(ended)

    def _try(self, command: RunShards | RunFinalize) -> Ended:
        try:
            # What the supervisor reached is no typo, however long it is down now.
            with closing(
                open_destinations(
                    self._spec,
                    self._connections,
                    patience=Patience(sleep=self._sleep, report=self._wait),
                )
            ) as destinations:
                self._run(command, destinations)
        except Stopped:
            return Ended(interrupted())
        except (Fenced, DestinationRefused, DestinationUnavailable) as error:
            return Ended(error)
        except Exception as error:  # noqa: BLE001 - told to the supervisor, which decides
            text = f"{type(error).__name__}: {error}"
            return Ended(WorkerFailed(text, traceback.format_exc()))
        return Ended()

    def _run(self, command: RunShards | RunFinalize, destinations: Destinations) -> None:
        run = command.run
        # The supervisor hands it over as it is by the run's data version.
        spec = self._spec.at(run.plan.data_version)
        context = shard_context_for(run, spec, destinations)
        if isinstance(command, RunShards):
            run_parts(context, self._parts(run, command.shard), self._stop, self._tally)
        else:
            finalize(
                context,
                run,
                spec,
                destinations,
                self._stop,
                self._tally,
                self._step,
                connections=command.connections,
            )

    def _parts(self, run: Run, shard: int | None) -> Iterator[Part]:
        """The parts of this shard, then of those that the supervisor hands out, until it has none.

        Shards of one run, one after another, are as one long shard: connection, generator and lanes
        belong to the run, no batch's transaction knows of a shard, and none is Ended before all of
        them are durable. A worker that dies gives them all back.
        """
        self._tally.begin()
        while shard is not None:
            yield from run.plan.shard(shard)
            self._send(ShardWanted())
            shard = self._next_shard.get()
            if self._stop.is_set():
                raise Stopped

    def _sleep(self, seconds: float) -> None:
        """Wait between two tries, but not once the worker is to stop."""
        if self._stop.wait(seconds):
            raise Stopped

    def _wait(self, wait: Wait) -> None:
        self._send(Waits(wait))

    def _step(self, label: str) -> None:
        self._send(Step(label))

    def _send_progress(self) -> None:
        tables = self._tally.changed()
        if tables is not None:
            self._send(Progress(tables, vitals(self._tally.stretch())))

    def _send(self, report: Report) -> None:
        # A closed pipe means that the supervisor is gone: the main thread ends the process.
        with self._sending, suppress(OSError):
            self._pipe.send(report)
