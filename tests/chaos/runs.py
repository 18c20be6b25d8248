"""Run commands under faults: attached ones, and those that begin a run that outlives them."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

import psutil

from rowmill.engine.records import State
from rowmill.errors import NotFound, Unavailable
from rowmill.local.engine import LocalEngine
from rowmill.local.home.folder import rowmill_home
from tests.chaos.experiment import ChaosExperiment
from tests.processes import has_ended

_LOOK_SECONDS = 0.05
# What a command would have ended with, by the state in which its run was left.
_CODES = {State.COMPLETED: 0, State.FAILED: 4, State.ABORTED: 5, State.SUSPENDED: 5}
_KILLED = -signal.SIGKILL
# What the command says of that, whose own process goes on.
_KILLED_EARLY = "the process of the run ended before the run had begun"


class ChaosRun(Protocol):
    """A run that was asked for, whoever supervises it."""

    @property
    def supervisor(self) -> psutil.Process | None:
        """The process that supervises it; None while there is none, and once it has ended."""
        ...

    def hang_up(self) -> bool:
        """Close the terminal of the command; whether it had one."""
        ...

    def end(self, seconds: float) -> tuple[int, str]:
        """How it ended, as an exit code, and what it said of that.

        Raises:
            subprocess.TimeoutExpired: it goes on, and is killed.
        """
        ...


def run_words(experiment: ChaosExperiment, *options: str, manifest: str = "") -> list[str]:
    """The command that runs the experiment, or another manifest of it."""
    words = ["-m", "rowmill", "run", "-f", manifest or str(experiment.manifest), "--progress=none"]
    return [sys.executable, *words, "-o", "json", *options, *experiment.secret_options]


class AttachedRun:
    """`rowmill run`, in a session of its own."""

    def __init__(
        self,
        experiment: ChaosExperiment,
        *,
        manifest: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            run_words(experiment, manifest=manifest),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )

    @property
    def supervisor(self) -> psutil.Process | None:
        return None if self._process.poll() is not None else psutil.Process(self._process.pid)

    def hang_up(self) -> bool:
        return False

    def end(self, seconds: float) -> tuple[int, str]:
        try:
            _, errors = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        return self._process.returncode, errors.decode(errors="replace").strip()


class DetachedRun:
    """`rowmill run --detach` on a terminal of its own, and the run that it began."""

    def __init__(self, experiment: ChaosExperiment) -> None:
        self._experiment = experiment
        self._complete_before = self._complete()
        self._terminal, theirs = pty.openpty()
        self._open = True
        self._command = subprocess.Popen(
            run_words(experiment, "--detach"),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._supervisor: psutil.Process | None = None

    @property
    def supervisor(self) -> psutil.Process | None:
        self._find()
        known = self._supervisor
        return known if known is not None and not has_ended(known) else None

    def hang_up(self) -> bool:
        self._find()
        if not self._open:
            return False
        self._open = False
        os.close(self._terminal)
        return True

    def end(self, seconds: float) -> tuple[int, str]:
        deadline = time.monotonic() + seconds
        while self._command.poll() is None and time.monotonic() < deadline:
            # Its child is another's once it has ended.
            self._find()
            time.sleep(_LOOK_SECONDS)
        try:
            out, errors = self._command.communicate(timeout=max(0.0, deadline - time.monotonic()))
            while self.supervisor is not None:
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired(self._command.args, seconds)
                time.sleep(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            raise
        finally:
            self.hang_up()
        code, text = self._command.returncode, errors.decode(errors="replace").strip()
        begun = json.loads(out) if code == 0 else {}
        if _KILLED_EARLY in text:
            return _KILLED, text
        if code > 0 or begun.get("repeat"):
            return code, text
        return self._left(text)

    def _find(self) -> None:
        if self._supervisor is None:
            with suppress(psutil.Error):
                children = psutil.Process(self._command.pid).children()
                self._supervisor = children[0] if children else None

    def _left(self, text: str) -> tuple[int, str]:
        """In what state the run was left, and what its log says."""
        engine, name = LocalEngine(rowmill_home()), self._experiment.name
        complete = self._complete()
        if complete is not None and complete == self._complete_before:
            # The earlier run: this one was ended before it began, or begins yet.
            return _KILLED, text
        try:
            state = engine.status(name).run.state
            log = [line.text for line in engine.logs(name)]
        except NotFound:
            # It was ended before it began.
            return _KILLED, text
        return _CODES.get(state, _KILLED), "\n".join((text, *log))

    def _complete(self) -> int | None:
        """The number of the newest run if it is complete."""
        engine = LocalEngine(rowmill_home())
        while True:
            try:
                run = engine.status(self._experiment.name).run
            except NotFound:
                return None
            except Unavailable:
                # By the blows that fall already: a look is patient for seconds only.
                time.sleep(_LOOK_SECONDS)
            else:
                return run.number if run.state is State.COMPLETED else None

    def _kill(self) -> None:
        self._command.kill()
        if self._supervisor is not None:
            with suppress(psutil.Error):
                self._supervisor.kill()
