"""A child process that runs one function over a pipe, and nothing of the program that started it.

multiprocessing would import the caller's script once more in each child: without its `__main__`
guard the script would then start runs of its own, and whatever else it does at its top. Nor is a
caller's process forked, whose threads and connections are not ours to judge (but see
forked_children.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.spawn import get_executable
from typing import Any, Protocol

from rowmill.local.workers.process_settings import WORKER_SETTINGS

# The path of this process, so that the child finds the same Rowmill, wherever that is.
_CHILD = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from multiprocessing.connection import Connection; "
    "from rowmill.local.workers.child_process import serve; serve(Connection(int(sys.argv[1])))"
)


class Child(Protocol):
    """A child process, however it was started; it waits on `pipe` for what it is to call."""

    @property
    def pipe(self) -> Connection[Any, Any]: ...

    @property
    def exit_code(self) -> int | None:
        """None while it lives; -N if signal N ended it."""
        ...

    def ended(self, seconds: float | None = None) -> bool:
        """Wait so long for its end, given None for ever; says whether it has ended."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...

    def kill(self) -> None: ...


def start_child(*, detached: bool = False) -> Child:
    """Start a Python of its own that calls what `set_to_work` tells it, and ends when that returns.

    It never sees a Ctrl-C, which goes to all of a terminal's processes. One that dies at once is
    one of a closed pipe. One that is `detached` has a session of its own, without a terminal or any
    output; folder and environment are this process's.
    """
    ours, theirs = Pipe()
    command = [get_executable(), "-c", _CHILD, str(theirs.fileno()), *map(str, sys.path)]
    with theirs, deaf_to_interrupts():
        process = subprocess.Popen(
            command,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if detached else None,
            stderr=subprocess.DEVNULL if detached else None,
            start_new_session=detached,
            env={**WORKER_SETTINGS, **os.environ},
        )
    return _StartedChild(process, ours)


def set_to_work(child: Child, main: Callable[..., None], *args: object) -> None:
    """Have the child call `main(pipe, *args)`; `pipe` is the other end of ours.

    Args:
        main: found in the child by its module and name.
        args: they go over the pipe, for the arguments of a process are there for all to see.
    """
    with suppress(OSError):
        child.pipe.send((main, args))


def serve(pipe: Connection[Any, Any]) -> None:
    """The child's side: it does what it hears from the pipe, nothing if that is closed before."""
    try:
        main, args = pipe.recv()
    except (EOFError, OSError):
        return
    main(pipe, *args)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """A process started in the block never sees a Ctrl-C, not even while Python starts in it.

    One that comes meanwhile reaches this process after the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _StartedChild:
    def __init__(self, process: subprocess.Popen[bytes], pipe: Connection[Any, Any]) -> None:
        self.pipe = pipe
        self._process = process

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def ended(self, seconds: float | None = None) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()
