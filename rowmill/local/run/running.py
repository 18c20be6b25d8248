"""A run on this machine: from a spec to published data, in worker processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from rowmill.counting import counted
from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.destinations.ledger import ExperimentHold, RunRecords
from rowmill.destinations.patience import ReportWait, Wait, unreported
from rowmill.engine.consent import Consent
from rowmill.engine.request import Mode
from rowmill.engine.verdict import awaited, unverified, verdict_of
from rowmill.engine.verification import Verification
from rowmill.errors import Interrupted, RowmillError
from rowmill.local.home.folder import Home, rowmill_home
from rowmill.local.planning import chosen_workers, plan_for, verify_threads
from rowmill.local.run.admission import admission
from rowmill.local.run.progress import Phase, ProgressBoard, Snapshot
from rowmill.local.run.progress_report import ProgressReport
from rowmill.local.run.run_signals import Signals, heeded_signals
from rowmill.local.run.run_verification import verify_run
from rowmill.local.run.watch import WATCH_SECONDS, LockLost, Watch
from rowmill.local.run_errors import (
    RunFailed,
    WorkerFailed,
    going_on,
    interrupted,
    not_begun,
    stopped,
)
from rowmill.local.workers.child_process import Child
from rowmill.local.workers.supervisor import Supervisor
from rowmill.plan.layout import Plan
from rowmill.plan.replacement import Replaced
from rowmill.plan.run_source import RunSource
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Connections, Destinations, one_machine, open_destinations
from rowmill.worker.holding import held
from rowmill.worker.remaining import Durable, remaining
from rowmill.worker.run_history import types_kept
from rowmill.worker.start.local_run import prepare
from rowmill.worker.start.prepared import Prepared
from rowmill.worker.start.refusals import FewerRows, NoRunToResume
from rowmill.worker.verdicts import keep_verdict, kept_verdict

# By the reason of the error with which a run ends that somebody else stopped.
_PHASES = {"Aborted": Phase.ABORTED, "Suspended": Phase.SUSPENDED}
# How long the end of a run waits for the ledger: writers that are being cut hold its fence.
REPORT_SECONDS = 2.0


@dataclass(frozen=True)
class Options:
    """How to run: each None means the manifest's or the engine's default.

    `source` is kept with a new run. `held` is called once no other run can begin, and may raise to
    begin none; `prepared` once the destinations took the run, with what is durable of it, None of a
    repeat, which is complete. `notice` is told, in a sentence, what the user should know, `wait`
    which server is waited for, and `death` which worker died, and how. `agreed` are ids of the
    published runs that the user lets one of fewer rows replace; None: all of them. `spare` are
    children that may become its workers, `home` is where the embedded servers are.
    """

    source: RunSource
    workers: int | None = None
    spare: list[Child] = field(default_factory=list)
    batch_rows: int | None = None
    mode: Mode = Mode.AUTO
    adopt: str | None = None
    agreed: frozenset[str] | None = None
    home: Home = field(default_factory=rowmill_home)
    held: Callable[[], None] = lambda: None
    prepared: Callable[[Prepared, Durable | None], None] = lambda prepared, durable: None
    notice: Callable[[str], None] = lambda text: None
    wait: ReportWait = unreported
    death: Callable[[int, str], None] = lambda worker, how: None

    def by(self, consent: Consent) -> Options:
        """The same, with what its user agrees to."""
        mode = Mode.RESTART if consent.restart else self.mode
        return replace(self, mode=mode, agreed=consent.replaced)


@dataclass(frozen=True)
class Outcome:
    """How a run ended well.

    `seconds` are wall time by phase, `workers` how many processes it had; the snapshot tells what
    they did, with their memory and processor time. Of a `repeat` nothing was done. `replaces` is
    the run whose data this one's has taken the place of, None if there was none. `verification` is
    what comparing the published data came to, None where the manifest asks for none.
    """

    run: Run
    repeat: bool
    resumed: bool
    workers: int
    seconds: Mapping[str, float]
    snapshot: Snapshot
    replaces: Replaced | None
    verification: Verification | None = None

    def __repr__(self) -> str:
        run = self.run
        took = "left as it was" if self.repeat else f"{self.seconds.get('total', 0.0):.1f} s"
        rows = counted(run.plan.rows, "row")
        return f"<Outcome: run {run.number} {run.state}, {rows}, {took}{self._verified}>"

    @property
    def _verified(self) -> str:
        if self.verification is None:
            return ""
        return ", identical" if self.verification.identical else ", differs"


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
        Interrupted: by Ctrl-C or SIGTERM; RunAborted and RunSuspended, two of these: by others.
        RunFailed: a defect or trouble that outlasted the retries.
        DestinationRefused, DestinationUnavailable: before any work was done.
        Conflict: LiveRunElsewhere, another process runs it now.
        EditedManifest, FewerRows, NoRunToResume: see worker/start/refusals.py.
    """
    started = time.monotonic()
    with heeded_signals() as signals:
        try:
            return _run(spec, connections, options, on_progress, started, signals)
        except KeyboardInterrupt:
            # A run at work hears it itself.
            raise not_begun() from None


def _run(
    spec: Spec,
    connections: Connections,
    options: Options,
    on_progress: Callable[[Snapshot], None],
    started: float,
    signals: Signals,
) -> Outcome:
    patience = one_machine(options.wait, sleep=signals.sleep)
    destinations = open_destinations(spec, connections, patience=patience)
    try:
        for message in destinations.ledger.ensure():
            options.notice(message)
        with held(destinations) as hold:
            options.held()
            workers = chosen_workers(spec, options.workers)
            prepared = prepare(
                spec,
                destinations,
                lambda spec: _plan(spec, options),
                mode=options.mode,
                adopt=options.adopt,
                source=options.source,
                # By the clock of which the run's summary tells, so that `runs` shows the same.
                started_at=datetime.now(UTC) - timedelta(seconds=time.monotonic() - started),
                agreed=options.agreed,
                admit=admission(spec, options.home, options.notice),
            )
            spec = spec.at(prepared.run.plan.data_version)
            _report(prepared, spec, options)
            durable = None if prepared.repeat else destinations.durable(prepared.run)
            options.prepared(prepared, durable)
            board = ProgressBoard(prepared.run, prepared.resumed, on_progress)
            if durable is None:
                return Outcome(prepared.run, True, False, 0, {}, board.snapshot(), None)
            execution = _Execution(
                spec=spec,
                connections=connections,
                destinations=destinations,
                prepared=prepared,
                durable=durable,
                workers=workers,
                hold=hold,
                signals=signals,
                board=board,
                started=started,
                options=options,
            )
            return execution.run()
    except (FewerRows, NoRunToResume) as error:
        _report_completed(error.rolled_forward, options)
        raise
    finally:
        destinations.close()


def _plan(spec: Spec, options: Options) -> Plan:
    return plan_for(spec, workers=options.workers, batch_rows=options.batch_rows)


def _report(prepared: Prepared, spec: Spec, options: Options) -> None:
    run, replaces = prepared.run, prepared.replaces
    _report_completed(prepared.rolled_forward, options)
    if replaces is not None:
        options.notice(f"run {run.number} replaces {replaces} when it is published")
        if replaces.gone:
            options.notice(f"tables that run {run.number} does not have go: {replaces.gone_tables}")
    if notice := types_kept(run, spec):
        options.notice(f"{notice}: --restart writes them anew, and so does a change of `rerun`")
    if not prepared.resumed:
        return
    was = ", which was suspended" if prepared.suspended else ""
    options.notice(f"resuming run {run.number}{was}: what it made stays")
    if options.batch_rows is not None and _batches(run.plan) != _batches(_plan(spec, options)):
        options.notice("the batches of the run's frozen plan hold; --batch-rows is for new runs")


def _batches(plan: Plan) -> list[int]:
    return [table.batch_rows for table in plan.tables]


def _report_completed(numbers: Iterable[int], options: Options) -> None:
    for number in numbers:
        options.notice(f"run {number} was interrupted while it was published; it is complete now")


@dataclass
class _Execution:
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
    options: Options

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
                self.options.notice(error.trace)
            again = f"what is durable stays; once the cause is mended, {going_on(self.spec.name)}"
            raise RunFailed(f"run {run.number} failed: {error}; {again}") from error
        final = self.destinations.ledger.runs.find(run.id) or run
        verification = None
        if self.spec.verify_after_run:
            # Its lock may go with its session still; the watch takes it back.
            with Watch(final, self.hold, self._open_in_silence, ProgressReport(0)):
                verification = self._verify(final)
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

    def _verify(self, run: Run) -> Verification:
        threads, wait = verify_threads(self.options.workers), self.options.wait
        try:
            return verify_run(
                run,
                self.spec,
                self.connections,
                self.board,
                threads=threads,
                wait=wait,
                stop=self.signals.stop,
            )
        except RowmillError as error:
            verdict = unverified(run.number, error)
            self._tell_briefly(lambda runs: keep_verdict(runs, run, verdict))
            raise

    def _keep(self, run: Run, found: Verification) -> Run:
        """Keep the verdict for whoever did not see it; without that the answer is none the less."""
        try:
            return keep_verdict(self.destinations.ledger.runs, run, verdict_of(found))
        except (DestinationRefused, DestinationUnavailable) as error:
            self.options.notice(f"the ledger does not keep what the verify came to: {error}")
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
            spare=self.options.spare,
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
        self.options.wait(wait)

    def _death(self, worker: int, how: str) -> None:
        self.board.worker_died()
        self.options.death(worker, how)

    def _fenced(self, run: Run, error: Fenced) -> RowmillError:
        known = self.destinations.ledger.runs.find(run.id)
        state = known.state if known else None
        if known is not None and known.state is RunState.ABORTED:
            return stopped(run.number, self.spec.name, suspended=known.suspended)
        return RunFailed(f"{error}; its state is now {state or 'gone'}")

    def _end(self, run: Run, phase: Phase, state: RunState, message: str) -> None:
        self.board.turn(phase)
        if self.signals.kill.is_set():
            return
        # If the ledger is not told, the run can be resumed as it is.
        states = frozenset({RunState.RUNNING, RunState.FINALIZING})
        self._tell_briefly(lambda runs: runs.transition(run.id, states, state, message=message))

    def _tell_briefly(self, tell: Callable[[RunRecords], object]) -> None:
        """Tell the ledger how it ends: one try, and not a long one, for it may be the cause."""
        self.signals.stop.set()
        reporter = threading.Thread(target=self._report, args=(tell,), daemon=True)
        reporter.start()
        reporter.join(REPORT_SECONDS)

    def _open_in_silence(self) -> Destinations:
        """Connections of their own, which tell nothing and wait for nobody for long.

        The workers meet the same trouble, and have the patience for it.
        """
        patience = one_machine(sleep=self.signals.sleep).hurried(WATCH_SECONDS)
        return open_destinations(self.spec, self.connections, patience=patience)

    def _report(self, tell: Callable[[RunRecords], object]) -> None:
        # Over connections of its own, since nobody may wait for its end.
        with (
            suppress(DestinationRefused, DestinationUnavailable, Interrupted),
            closing(self._open_in_silence()) as own,
        ):
            tell(own.ledger.runs)
