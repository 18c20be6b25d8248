"""A child process that runs one function over a pipe, and nothing of the program that started it.

multiprocessing would import the caller's script once more in each child: without its `__main__`
guard the script would then start runs of its own, and whatever else it does at its top.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.spawn import get_executable
from typing import Any

# The path of this process, so that the child finds the same Rowmill, wherever that is.
_CHILD = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from rowmill.local.child_process import serve; serve(int(sys.argv[1]))"
)


def start_child(
    main: Callable[..., None], *args: object
) -> tuple[subprocess.Popen[bytes], Connection[Any, Any]]:
    """Start a Python of its own that calls `main(pipe, *args)` and ends when that returns.

    It never sees a Ctrl-C, which goes to all of a terminal's processes.

    Args:
        main: found in the child by its module and name; `pipe` is the other end of ours.
        args: they go over the pipe, for the arguments of a process are there for all to see.

    Returns:
        The process and our end of the pipe. A child that dies at once is one of a closed pipe.
    """
    ours, theirs = Pipe()
    command = [get_executable(), "-c", _CHILD, str(theirs.fileno()), *map(str, sys.path)]
    with theirs, _deaf_to_interrupts():
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
    with suppress(OSError):
        ours.send((main, args))
    return process, ours


def serve(descriptor: int) -> None:
    """The child's side of `start_child`."""
    pipe: Connection[Any, Any] = Connection(descriptor)
    main, args = pipe.recv()
    main(pipe, *args)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A process started in the block never sees a Ctrl-C, not even while Python starts in it.

    One that comes meanwhile reaches this process after the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
