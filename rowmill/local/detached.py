"""A run in a process of its own session, which outlives the command that began it and its terminal.

Both sides are here. The command waits until the run is prepared or refused, and is told on the way
what an attached one would show; from then on the process tells its log alone. Should the command
end before, the run goes on all the same.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeAlias

from rowmill.destinations.patience import Waited, Waiting
from rowmill.engine.records import RunRecord
from rowmill.engine.request import RunRequest
from rowmill.errors import Interrupted, RowmillError
from rowmill.local.home.folder import Home
from rowmill.local.records import run_records, unbegun_runs
from rowmill.local.reports import Reports
from rowmill.local.run.run_hooks import RunHooks
from rowmill.local.run_errors import RunFailed, not_begun
from rowmill.local.source import Source, refuse_changed
from rowmill.local.supervision import Supervision, supervised_by_forks
from rowmill.local.workers.child_process import Child, set_to_work, start_child
from rowmill.worker.remaining import Durable
from rowmill.worker.start.prepared import Prepared

# A process whose pipe is closed is about to be gone.
_LAST_SECONDS = 10.0


@dataclass(frozen=True)
class DetachedRun:
    """What a process of its own is to run; the paths in it are whole, and it holds no secret."""

    home: Home
    source: Source
    request: RunRequest


@dataclass(frozen=True)
class Begun:
    """The run goes on by itself in `process`, or `repeat`: it is complete already, nothing to do.

    `reference` is by what the next command is told of the experiment, `rolled_forward` are the
    numbers of runs whose interrupted publishing was completed first.
    """

    run: RunRecord
    process: int
    repeat: bool
    resumed: bool
    rolled_forward: tuple[int, ...]
    reference: str


@dataclass(frozen=True)
class _Notice:
    text: str


@dataclass(frozen=True)
class _Starting:
    """The embedded servers are about to be started."""


_Word: TypeAlias = _Notice | _Starting | Waiting | Waited | Begun | BaseException


def start_detached(run: DetachedRun, reports: Reports) -> Begun:
    """Begin a run that goes on by itself; `reports` are told what comes before it has begun.

    Raises:
        Interrupted: by Ctrl-C; the process has ended.
        RunFailed: the process ended before it said how.
        Exception: what `running.run` would have raised here before its work began.
    """
    child = start_child(detached=True)
    try:
        set_to_work(child, main, run)
        with child.pipe:
            return _heard(child, reports)
    except KeyboardInterrupt:
        child.terminate()
        child.ended()
        raise not_begun() from None
    finally:
        # Whoever lives on is to leave no zombie behind.
        threading.Thread(target=child.ended, name="detached run", daemon=True).start()


def main(pipe: Connection[_Word, DetachedRun], run: DetachedRun) -> None:
    """The process's side; called by `child_process.serve`."""
    # Nobody types Ctrl-C here, but a person may send it; a terminal that hangs up is not ours.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    teller = _Teller(pipe)
    try:
        _run(run, teller)
    except KeyboardInterrupt:
        teller.end(not_begun())
    except RowmillError as error:
        _told_or_kept(error, run, teller)
    except Exception as error:  # noqa: BLE001 - told to the command, which knows it for a defect
        error.add_note(traceback.format_exc())
        _told_or_kept(error, run, teller)


def _told_or_kept(error: Exception, run: DetachedRun, teller: _Teller) -> None:
    if not teller.end(error) and not isinstance(error, Interrupted):
        # The command, and its terminal, are gone.
        unbegun_runs.keep(run.home, run.source.spec().name, error)


def _run(run: DetachedRun, teller: _Teller) -> None:
    with supervised_by_forks(
        run.home,
        run.source,
        run.source.spec(),
        run.request,
        starting=lambda: teller.say(_Starting()),
    ) as supervision:

        def begun(prepared: Prepared, durable: Durable | None) -> None:
            teller.end(_begun(prepared, durable, supervision))

        hooks = RunHooks(
            held=lambda: _refuse_changed(run, supervision),
            prepared=begun,
            notice=lambda text: teller.say(_Notice(text)),
            wait=teller.say,
        )
        supervision.run(run.request, hooks)


def _refuse_changed(run: DetachedRun, supervision: Supervision) -> None:
    refuse_changed(run.home, supervision.spec.name, run.request.if_match)


def _begun(prepared: Prepared, durable: Durable | None, supervision: Supervision) -> Begun:
    return Begun(
        run=run_records.progress(prepared.run, durable).run,
        process=os.getpid(),
        repeat=prepared.repeat,
        resumed=prepared.resumed,
        rolled_forward=prepared.rolled_forward,
        reference=supervision.reference,
    )


class _Teller:
    """Tells the command what it waits for; nobody is told once the pipe is closed."""

    def __init__(self, pipe: Connection[_Word, DetachedRun]) -> None:
        self._pipe = pipe
        self._begun = False

    def say(self, word: _Word) -> None:
        """Say it, heard or not."""
        self._is_heard(word)

    def end(self, word: _Word) -> bool:
        """Say the last word; whether it is known: of a run that has begun its log tells."""
        if self._begun:
            return True
        try:
            heard = self._is_heard(word)
        except Exception as error:  # noqa: BLE001 - of a library, such as no pipe takes
            heard = self._is_heard(RunFailed(f"{type(word).__name__}: {word} ({error})"))
        self._pipe.close()
        self._begun = isinstance(word, Begun)
        return heard or self._begun

    def _is_heard(self, word: _Word) -> bool:
        """Say it to the command, which may be gone, or was told how the run begins."""
        try:
            self._pipe.send(word)
        except OSError:
            return False
        return True


def _heard(child: Child, reports: Reports) -> Begun:
    while True:
        try:
            word = child.pipe.recv()
        except (EOFError, OSError):
            raise _ended_in_silence(child) from None
        match word:
            case _Notice(text=text):
                reports.notice(text)
            case _Starting():
                reports.starting()
            case Waiting() | Waited():
                reports.wait(word)
            case Begun():
                return word
            case _:
                child.ended()
                raise word


def _ended_in_silence(child: Child) -> RunFailed:
    child.ended(_LAST_SECONDS)
    code = child.exit_code
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return RunFailed(
        f"the process of the run ended before the run had begun ({how}); run the same command again"
    )
