"""One prepared run on its way to COMPLETED: its workers, its end, and what the ledger is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.destinations.ledger import ExperimentHold, RunRecords
from rowmill.destinations.patience import Wait
from rowmill.engine.request import RunRequest
from rowmill.engine.verdict import awaited, said_unverified, unverified, verdict_of
from rowmill.engine.verification import Verification
from rowmill.errors import Interrupted, RowmillError
from rowmill.local.planning import verify_threads
from rowmill.local.run.outcome import Outcome
from rowmill.local.run.progress import Phase, ProgressBoard
from rowmill.local.run.progress_report import ProgressReport
from rowmill.local.run.run_hooks import RunHooks
from rowmill.local.run.run_signals import Signals
from rowmill.local.run.run_verification import verify_run
from rowmill.local.run.watch import WATCH_SECONDS, LockLost, Watch
from rowmill.local.run_errors import RunFailed, WorkerFailed, going_on, interrupted, stopped
from rowmill.local.workers.child_process import Child
from rowmill.local.workers.supervisor import Supervisor
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Connections, Destinations, one_machine, open_destinations
from rowmill.worker.remaining import Durable, remaining
from rowmill.worker.start.prepared import Prepared
from rowmill.worker.verdicts import keep_verdict, kept_verdict

# By the reason of the error with which a run ends that somebody else stopped.
_PHASES = {"Aborted": Phase.ABORTED, "Suspended": Phase.SUSPENDED}
# How long the end of a run waits for the ledger: writers that are being cut hold its fence.
REPORT_SECONDS = 2.0
# Tells the ledger of runs something, as long as it is wanted.
_Tell = Callable[[RunRecords, Callable[[], bool]], object]


@dataclass
class Execution:
    """One prepared run on its way to COMPLETED."""

    spec: Spec
    connections: Connections
    destinations: Destinations
    prepared: Prepared
    durable: Durable
    workers: int
    hold: ExperimentHold
    signals: Signals
    board: ProgressBoard
    started: float
    request: RunRequest
    hooks: RunHooks
    spare: list[Child]

    def run(self) -> Outcome:
        run = self.prepared.run
        try:
            self._announce(run)
            seconds = self._work(run)
        except (Interrupted, KeyboardInterrupt):
            self._end(run, Phase.INTERRUPTED, RunState.ABORTED, "interrupted")
            raise interrupted(self.spec.name) from None
        except Fenced as error:
            ended = self._fenced(run, error)
            self.board.turn(_PHASES.get(ended.reason, Phase.FAILED))
            raise ended from error
        except LockLost as error:
            # Not even marked as failed: whoever holds the lock now may be running it.
            self.board.turn(Phase.INTERRUPTED)
            raise RunFailed(str(error)) from error
        except (DestinationRefused, DestinationUnavailable, WorkerFailed) as error:
            self._end(run, Phase.FAILED, RunState.FAILED, str(error))
            if isinstance(error, DestinationRefused):
                raise
            if isinstance(error, WorkerFailed) and error.trace:
                self.hooks.notice(error.trace)
            again = f"what is durable stays; once the cause is mended, {going_on(self.spec.name)}"
            raise RunFailed(f"run {run.number} failed: {error}; {again}") from error
        final = self.destinations.ledger.runs.find(run.id) or run
        verification = None
        if self.spec.verify_after_run:
            # Its lock may go with its session still; the watch takes it back.
            with Watch(final, self.hold, self._open_in_silence, ProgressReport(0)) as watch:
                verification = self._verify(final, watch.check)
                final = self._keep(final, verification)
        return Outcome(
            run=final,
            repeat=False,
            resumed=self.prepared.resumed,
            workers=self.workers,
            seconds=seconds,
            snapshot=self.board.turn(Phase.COMPLETE),
            replaces=self.prepared.replaces,
            verification=verification,
        )

    def _announce(self, run: Run) -> None:
        """Have whoever waits for the run know whether a verdict comes after its end."""
        wanted = awaited(run.number) if self.spec.verify_after_run else None
        if kept_verdict(run) != wanted:
            keep_verdict(self.destinations.ledger.runs, run, wanted)

    def _verify(self, run: Run, check: Callable[[], None]) -> Verification:
        """Verify it; `check` is that of a watch: it raises once the run may be another's."""
        try:
            found = self._compare(run, check)
            check()
        except (LockLost, Fenced) as error:
            # Nor is the verdict: whoever has the run may have one of his own.
            self.board.turn(Phase.INTERRUPTED)
            how = f"once that ends, `rowmill verify {self.spec.name}` does it"
            why = str(error) if isinstance(error, Fenced) else f"another has its lock by now; {how}"
            raise RunFailed(f"{said_unverified(run.number)}: {why}") from error
        return found

    def _compare(self, run: Run, check: Callable[[], None]) -> Verification:
        threads, wait = verify_threads(self.request.workers), self.hooks.wait
        try:
            return verify_run(
                run,
                self.spec,
                self.connections,
                self.board,
                threads=threads,
                wait=wait,
                stop=self.signals.stop,
                check=check,
            )
        except Fenced:
            raise
        except RowmillError as error:
            check()
            verdict = unverified(run.number, error)
            self._tell_briefly(lambda runs, wanted: keep_verdict(runs, run, verdict))
            raise

    def _keep(self, run: Run, found: Verification) -> Run:
        """Keep the verdict for whoever did not see it; without that the answer is none the less."""
        try:
            return keep_verdict(self.destinations.ledger.runs, run, verdict_of(found))
        except (DestinationRefused, DestinationUnavailable) as error:
            self.hooks.notice(f"the ledger does not keep what the verify came to: {error}")
            return run

    def _work(self, run: Run) -> dict[str, float]:
        self.board.already(self.durable)
        shards = [
            shard
            for shard in range(run.plan.shards)
            if any(True for _ in remaining(run.plan, run.plan.shard(shard), self.durable))
        ]
        workers = max(1, min(self.workers, len(shards)))
        report = ProgressReport(workers)
        watch = Watch(run, self.hold, self._open_in_silence, report)

        def check() -> None:
            report.offer(self.board)
            watch.check()

        supervisor = Supervisor(
            self.spec,
            self.connections,
            workers=workers,
            spare=self.spare,
            on_progress=self.board.progress,
            on_step=self.board.step,
            on_wait=self._wait,
            on_death=self._death,
            check=check,
            stop=self.signals.stop,
            kill=self.signals.kill,
        )
        with self.signals.left_to_the_supervisor(), watch, supervisor:
            ready = time.monotonic()
            self.board.turn(Phase.LOADING)
            supervisor.run_shards(run, shards)
            loaded = time.monotonic()
            self.board.turn(Phase.FINALIZING)
            supervisor.finalize(run, self.workers)
            ended = time.monotonic()
        publish = ended - (self.board.publishing_since or ended)
        return {
            "prepare": ready - self.started,
            "load": loaded - ready,
            "finalize": ended - loaded - publish,
            "publish": publish,
            "total": ended - self.started,
        }

    def _wait(self, wait: Wait) -> None:
        self.board.wait(wait)
        self.hooks.wait(wait)

    def _death(self, worker: int, how: str) -> None:
        self.board.worker_died()
        self.hooks.death(worker, how)

    def _fenced(self, run: Run, error: Fenced) -> RowmillError:
        known = self.destinations.ledger.runs.find(run.id)
        state = known.state if known else None
        if known is not None and known.state is RunState.ABORTED:
            return stopped(run.number, self.spec.name, suspended=known.suspended)
        return RunFailed(f"{error}; its state is now {state or 'gone'}")

    def _end(self, run: Run, phase: Phase, state: RunState, message: str) -> None:
        self.board.turn(phase)
        states, told = frozenset({RunState.RUNNING, RunState.FINALIZING}), list[bool]()
        if not self.signals.kill.is_set():
            # If the ledger is not told, the run can be resumed as it is.
            with self.signals.left_to_the_supervisor():
                self._tell_briefly(
                    lambda runs, wanted: told.append(
                        runs.transition(run.id, states, state, message=message, wanted=wanted)
                    )
                )
        if not any(told):
            self.hooks.untold()

    def _tell_briefly(self, tell: _Tell) -> None:
        """Tell the ledger how it ends: one try, and not a long one, for it may be the cause.

        What has not come through by then is given up: the run may be resumed meanwhile. Nor is
        anything told of a run that another has taken up; a resume passes the run's fence with the
        lock in hand, so that asked behind the fence no later one is missed.
        """
        self.signals.stop.set()
        gone_on = threading.Event()

        def wanted() -> bool:
            return not gone_on.is_set() and not self.hold.lost()

        reporter = threading.Thread(target=self._report, args=(tell, wanted), daemon=True)
        reporter.start()
        reporter.join(REPORT_SECONDS)
        gone_on.set()

    def _open_in_silence(self) -> Destinations:
        """Connections of their own, which tell nothing and wait for nobody for long.

        The workers meet the same trouble, and have the patience for it.
        """
        patience = one_machine(sleep=self.signals.sleep).hurried(WATCH_SECONDS)
        return open_destinations(self.spec, self.connections, patience=patience)

    def _report(self, tell: _Tell, wanted: Callable[[], bool]) -> None:
        # Over connections of its own, since nobody may wait for its end.
        with (
            suppress(DestinationRefused, DestinationUnavailable, Interrupted),
            closing(self._open_in_silence()) as own,
        ):
            if wanted():
                tell(own.ledger.runs, wanted)
