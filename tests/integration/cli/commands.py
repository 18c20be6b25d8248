"""The real `rowmill` command in processes of its own."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.integration.experiments import Manifest, write
from tests.processes import living, said

TIMEOUT = 120


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass
class Commands:
    """Starts commands; files go to `folder`."""

    folder: Path
    _running: list[subprocess.Popen[str]] = field(default_factory=list)

    def file(self, content: Manifest, name: str = "manifest.yaml") -> str:
        return str(write(self.folder / name, content))

    def secret(self, name: str, values: Mapping[str, str]) -> str:
        """A `--secret` option for a new file of these values."""
        path = self.folder / f"{name}.env"
        path.write_text("".join(f"{key}='{value}'\n" for key, value in values.items()))
        return f"--secret={name}={path}"

    def start(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, without a terminal."""
        process = subprocess.Popen(
            [sys.executable, "-m", "rowmill", *words],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def finish(self, process: subprocess.Popen[str], standard_input: str | None = None) -> Done:
        out, err = process.communicate(standard_input, timeout=TIMEOUT)
        assert "Traceback" not in err, err
        return Done(process.returncode, out, err)

    def __call__(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        standard_input: str | None = None,
    ) -> Done:
        stdin = subprocess.DEVNULL if standard_input is None else subprocess.PIPE
        return self.finish(self.start(*words, env=env, stdin=stdin), standard_input)

    def on_terminal(self, *words: str, answer: str = "", columns: int = 100) -> tuple[int, str]:
        """Run a command on a terminal, where `answer` is typed; returns exit code and screen."""
        terminal = self.terminal(*words, columns=columns)
        terminal.type(answer)
        return terminal.end()

    def terminal(self, *words: str, columns: int = 100) -> Terminal:
        """Start a command on a terminal of its own, from which Ctrl-C reaches it."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "rowmill", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            text=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns)},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._running.append(process)
        return Terminal(process, ours)

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()


@dataclass
class Terminal:
    """A command on a terminal: `screen` is all that it has shown so far."""

    process: subprocess.Popen[str]
    _ours: int
    screen: str = ""

    def wait_for(self, text: str) -> None:
        """Read until the screen shows it; fails if the command ends before."""
        while text not in self.screen:
            assert self._read(), f"{text!r} never came: {self.screen}"

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def hang_up(self) -> None:
        """Close the terminal under the command, as a window or a lost connection does."""
        os.close(self._ours)
        self.process.wait(TIMEOUT)

    def end(self) -> tuple[int, str]:
        """Exit code and screen, once the command has ended."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(TIMEOUT), self.screen

    def _read(self) -> bool:
        """Read what is shown next; False when the command has left the terminal."""
        assert select.select([self._ours], [], [], TIMEOUT)[0], f"it hangs: {self.screen}"
        try:
            piece = os.read(self._ours, 65536)
        except OSError:
            return False
        self.screen += piece.decode(errors="replace")
        return bool(piece)


def workers(process: subprocess.Popen[str] | psutil.Process) -> list[psutil.Process]:
    """The worker processes of a run command."""
    try:
        children = psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []
    # The other children are shells that start a server.
    return [child for child, name in said(living(children), psutil.Process.name) if name != "sh"]


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Poll until it holds; fails if it never does, or if the command ends before."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        if process is not None and process.poll() is not None:
            out, err = process.communicate()
            raise AssertionError(f"the command ended first, with {process.returncode}: {out}{err}")
        time.sleep(0.05)
