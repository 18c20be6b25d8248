"""Asks processes about manifests, and ends one that takes too long or too much."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from queue import Empty, LifoQueue
from typing import Any

from rowmill.console.sandbox.requests import Asked, Text
from rowmill.errors import Failed, Invalid, RowmillError, Unavailable

SECONDS = 20.0
MEMORY = 768 * 2**20
# One may be busy with somebody's heavy manifest while another answers.
_PROCESSES = 2
# So long a question waits for its turn, and so many do: each who waits holds a thread that
# answers calls.
_TURN_SECONDS = 30.0
_MOST_WAITING = 30
# One thread each: more would only take memory.
_SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}


class Sandbox:
    """A few processes, each started when it is needed and again when it has ended or was ended."""

    def __init__(self, *, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._idle: LifoQueue[_Process | None] = LifoQueue()
        self._waiting = threading.Semaphore(_MOST_WAITING)
        self._closed = threading.Event()
        for _ in range(_PROCESSES):
            self._idle.put(None)

    def ask(self, about: str, text: Text, **arguments: Any) -> Any:
        """The answer to a question of `answers.ANSWERS`.

        Raises:
            Invalid: the manifest or an argument is no good, or takes too much time or memory.
            Unavailable: Busy, all processes are at other questions.
            Failed: the process ended by a fault of its own.
        """
        asked = Asked(about, text, arguments)
        with self._turn() as process:
            found = process.answer(asked, self._seconds)
        if isinstance(found, RowmillError):
            raise found
        return found

    def close(self) -> None:
        """End the processes; a question that is being answered is Unavailable then."""
        self._closed.set()
        with suppress(Empty):
            while True:
                process = self._idle.get_nowait()
                if process is not None:
                    process.end()

    @contextmanager
    def _turn(self) -> Iterator[_Process]:
        process = self._waited_for()
        try:
            if process is None or not process.alive:
                process = _Process(self._memory)
            yield process
        finally:
            if process is not None and self._closed.is_set():
                process.end()
            self._idle.put(process)

    def _waited_for(self) -> _Process | None:
        busy = Unavailable("Busy", "too many manifests are in work; try again")
        if not self._waiting.acquire(blocking=False):
            raise busy
        try:
            return self._idle.get(timeout=_TURN_SECONDS)
        except Empty:
            raise busy from None
        finally:
            self._waiting.release()


class _Process:
    """One process, at one question at a time."""

    def __init__(self, memory: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "rowmill.console.sandbox.process",
                    str(theirs.fileno()),
                    str(memory),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, **_SINGLE},
                start_new_session=True,
            )
        self._pipe: Connection[Asked, tuple[Any, bool]] = Connection(ours.detach())
        self.alive = True

    def answer(self, asked: Asked, seconds: float) -> Any:
        """The answer, which may be an error; whatever goes wrong ends the process."""
        whole = False
        try:
            self._pipe.send(asked)
            if not self._pipe.poll(seconds):
                return Invalid("TooLong", "the manifest takes too long to work on; make it smaller")
            found, last = self._pipe.recv()
            whole = not last
        except (EOFError, OSError):
            code = self._child.wait()
            if code < 0:
                return Invalid("TooLarge", "the manifest takes too much memory; make it smaller")
            return Failed("SandboxEnded", f"the process that reads manifests ended with {code}")
        else:
            return found
        finally:
            if not whole:
                self.end()

    def end(self) -> None:
        """End the process and leave no zombie."""
        self.alive = False
        self._pipe.close()
        self._child.kill()
        self._child.wait()
