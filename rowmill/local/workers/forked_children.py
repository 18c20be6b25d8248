"""Children that are forks of the command line's own process: what it has imported, they have too.

A fork is a copy of one thread: a lock that another held stays locked in it, and what others opened
it shares with them. So it is made at a run's very begin, of a process that the command line owns
and the kernel shows to have one thread: no connection is open yet, no Arrow pool is started, and
no handler of the run's signals is set. What is missing there, or dies later, is started as any
other child is.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, TypeAlias

from rowmill.local.workers.child_process import Child, deaf_to_interrupts, serve

_THREADS = Path("/proc/self/task")
# Of mallopt, in malloc.h.
_M_ARENA_MAX = -8

_Pipe: TypeAlias = "Connection[Any, Any]"


@contextmanager
def forked_children(count: int) -> Iterator[list[Child]]:
    """`count` children that wait to be set to work, or none where a fork is not safe.

    Whoever takes one off the list ends it; the block's end ends those that are left.
    """
    children = _fork(count) if _has_one_thread() else []
    try:
        yield children
    finally:
        for child in children:
            child.pipe.close()


def _has_one_thread() -> bool:
    """Whether the kernel knows one thread of this process; False where it does not tell."""
    try:
        return len(os.listdir(_THREADS)) == 1
    except OSError:
        return False


def _fork(count: int) -> list[Child]:
    # What is there by now stays in both, and need not be looked at again by either.
    gc.freeze()
    pipes = [multiprocessing.Pipe() for _ in range(count)]
    children: list[Child] = []
    with deaf_to_interrupts():
        for ours, theirs in pipes:
            # A daemon ends with this process, should that leave without a word.
            process = ForkProcess(target=_serve, args=(theirs, pipes), daemon=True)
            process.start()
            children.append(_ForkedChild(process, ours))
    for _, theirs in pipes:
        theirs.close()
    return children


def _serve(own: _Pipe, pipes: Sequence[tuple[_Pipe, _Pipe]]) -> None:
    """The child's side. Held open here, a pipe of another would not tell that this process died."""
    for pipe in chain.from_iterable(pipes):
        if pipe is not own:
            pipe.close()
    _leave_input()
    _limit_arenas()
    serve(own)


def _leave_input() -> None:
    """Have no share in what is typed at the command."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _limit_arenas() -> None:
    """Do what MALLOC_ARENA_MAX would have done to a process that starts."""
    # Other C libraries than glibc have no such heaps, and glibc passes over what is no number.
    with suppress(AttributeError, ValueError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, int(os.environ["MALLOC_ARENA_MAX"]))


class _ForkedChild:
    def __init__(self, process: ForkProcess, pipe: _Pipe) -> None:
        self.pipe = pipe
        self._process = process

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode

    def ended(self, seconds: float | None = None) -> bool:
        self._process.join(seconds)
        return self._process.exitcode is not None

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()
