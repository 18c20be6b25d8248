"""A run that this machine supervises: known to be alive, remembered with its source, and logged.

The command line, Python and the process of a detached run all run by this.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rowmill.counting import counted
from rowmill.destinations.patience import NowAndThen, Wait
from rowmill.engine.records import Progress
from rowmill.engine.request import RunRequest
from rowmill.engine.verification import Verification
from rowmill.errors import Interrupted, Refused, RowmillError
from rowmill.local.connections import find_connections
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import supervising
from rowmill.local.planning import most_workers
from rowmill.local.records import run_records, unbegun_runs
from rowmill.local.records.run_log import RunLog
from rowmill.local.records.snapshot_records import cut, ended, taken_over, under_way
from rowmill.local.run import running
from rowmill.local.run.outcome import Outcome
from rowmill.local.run.progress import Phase, Snapshot
from rowmill.local.run.run_hooks import RunHooks
from rowmill.local.run.watch import LockLost
from rowmill.local.source import Source
from rowmill.local.workers.child_process import Child
from rowmill.local.workers.forked_children import forked_children
from rowmill.local.workers.worker_process import prepare_forks
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Connections
from rowmill.worker.remaining import Durable
from rowmill.worker.start.prepared import Prepared
from rowmill.worker.verdicts import kept_verdict

# How it ends is logged with the reason.
_AT_WORK = frozenset({Phase.LOADING, Phase.FINALIZING, Phase.VERIFYING})
# So often what is known while the servers are down is written anew.
KEEP_SECONDS = 5.0


@dataclass(frozen=True)
class Supervision:
    """What a run here needs besides its request: see `supervised`."""

    home: Home
    source: Source
    spec: Spec
    connections: Connections
    spare: list[Child]

    def run(self, request: RunRequest, hooks: RunHooks) -> Outcome:
        """As `running.run`, which raises so too, but for all that becomes of it here besides."""
        with RunLog(self.home, self.spec.name) as log:
            told = _Told(self, log, hooks)
            watched = replace(
                hooks,
                prepared=told.prepared,
                progress=told.progress,
                notice=told.notice,
                wait=told.wait,
                death=told.death,
                untold=told.untold,
            )
            try:
                outcome = running.run(
                    self.spec,
                    self.connections,
                    self.source.kept(),
                    request,
                    watched,
                    home=self.home,
                    spare=self.spare,
                )
            except RowmillError as error:
                told.failed(error)
                raise
            except BaseException:
                log.say(traceback.format_exc(), level="ERROR")
                raise
            told.completed(outcome)
            return outcome

    @property
    def reference(self) -> str:
        """By what the next command is told of the experiment, its name if it is remembered so."""
        name = self.spec.name
        try:
            known = remembered.recall(self.home, name)
        except Refused:
            known = None
        return name if known == self.source.remembered(name) else "-f FILE"


@contextmanager
def supervised(
    home: Home,
    source: Source,
    spec: Spec,
    *,
    starting: Callable[[], None] = lambda: None,
    spare: list[Child] | None = None,
) -> Iterator[Supervision]:
    """Have this machine know, as long as the block lasts, that the experiment is run here.

    Args:
        home: where that is known, and where the embedded servers live.
        source: what `spec` came from.
        spec: of the experiment.
        starting: called before the embedded servers are started, which takes seconds.
        spare: see `running.run`; made before, since they would share in what is opened here.

    Raises:
        EmbeddedServerError: the embedded servers do not start.
    """
    with supervising(home, spec.name):
        connections = find_connections(spec, source.secrets, home, starting)
        yield Supervision(home, source, spec, connections, [] if spare is None else spare)


@contextmanager
def supervised_by_forks(
    home: Home,
    source: Source,
    spec: Spec,
    request: RunRequest,
    *,
    starting: Callable[[], None],
) -> Iterator[Supervision]:
    """As `supervised`, of a process that has nothing else to do: its workers are forks of it."""
    prepare_forks(spec)
    with (
        forked_children(most_workers(spec, request.workers, request.batch_rows)) as spare,
        supervised(home, source, spec, starting=starting, spare=spare) as supervision,
    ):
        yield supervision


class _Told:
    """Passes on what a run tells, and has the machine remember and log it."""

    def __init__(self, supervision: Supervision, log: RunLog, hooks: RunHooks) -> None:
        self._home = supervision.home
        self._source = supervision.source
        self._spec = supervision.spec
        self._log = log
        self._hooks = hooks
        self._log_wait = NowAndThen(lambda text: log.say(text, level="WARNING"))
        self._last: Snapshot | None = None
        self._turn: str | None = None
        self._kept = 0.0
        self._in_ledger = True
        # From the first word on, another run's is a later one.
        self._began = False

    def prepared(self, prepared: Prepared, durable: Durable | None) -> None:
        number = prepared.run.number
        self._remember(prepared)
        unbegun_runs.forget(self._home, self._spec.name)
        fresh = not (prepared.resumed or prepared.repeat)
        self._log.begin(number, keep=self._spec.run_history_limit, fresh=fresh)
        rows = prepared.run.plan.rows
        self._log.say(f"run {number} of {self._spec.name}, {counted(rows, 'row')}")
        self._hooks.prepared(prepared, durable)

    def _remember(self, prepared: Prepared) -> None:
        """Remember what was run; the run goes on without, since the data matters more."""
        name = self._spec.name
        try:
            remembered.keep(self._home, self._source.remembered(name))
        except OSError as error:
            self.notice(
                f"{remembered.folder(self._home, name)} cannot be written "
                f"({error.strerror or error}): this machine does not know {name} as it is "
                "run now; give the next commands the manifest, with -f FILE"
            )
        # By the ledger, which may have known of a later run that another machine made.
        remembered.keep_data_version(self._home, name, prepared.run.plan.data_version)

    def notice(self, text: str) -> None:
        self._log.say(text)
        self._hooks.notice(text)

    def wait(self, wait: Wait) -> None:
        self._log_wait(wait)
        self._hooks.wait(wait)

    def death(self, worker: int, how: str) -> None:
        self._log.say(how, level="WARNING", source=f"worker {worker}")
        self._hooks.death(worker, how)

    def untold(self) -> None:
        self._in_ledger = False
        self._hooks.untold()

    def progress(self, snapshot: Snapshot) -> None:
        self._last = snapshot
        # How far a verification is changes all the time.
        turn = snapshot.phase.value if snapshot.phase is Phase.VERIFYING else snapshot.doing
        if snapshot.phase in _AT_WORK and turn != self._turn:
            self._turn = turn
            self._log.say(turn)
        if time.monotonic() - self._kept >= KEEP_SECONDS:
            self._kept = time.monotonic()
            self._keep(under_way(snapshot))
        self._hooks.progress(snapshot)

    def completed(self, outcome: Outcome) -> None:
        run = outcome.run
        if outcome.repeat:
            self._log.say("nothing to do: it is complete")
        else:
            self._log.say(f"complete after {outcome.seconds['total']:.1f} s")
        if outcome.verification is not None:
            self._log_verification(outcome.verification)
        self._keep(run_records.progress(run, None, verification=kept_verdict(run)))

    def _log_verification(self, found: Verification) -> None:
        if found.identical:
            said = "verified: every destination holds the rows of this run"
            self._log.say(f"{said}: {found.compared}")
            return
        name = self._spec.name
        self._log.say(f"verify found differences: rowmill verify {name} shows them", level="ERROR")

    def failed(self, error: RowmillError) -> None:
        if isinstance(error, Interrupted):
            # As somebody wished.
            self._log.say(error.message)
        else:
            self._log.say(f"{error.reason}: {error.message}", level="ERROR")
        if self._last is not None and not isinstance(error.__cause__, LockLost):
            last, now = self._last, datetime.now(UTC)
            self._keep(ended(last, error, now) if self._in_ledger else cut(last, error))

    def _keep(self, progress: Progress) -> None:
        # Good to know while the servers are down: no run fails of it.
        with suppress(Exception):
            there = remembered.last_progress(self._home, self._spec.name) if self._began else None
            self._began = True
            if there is None or not taken_over(there.run, progress.run):
                remembered.keep_progress(self._home, self._spec.name, progress)
