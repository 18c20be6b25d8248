"""The process that works on manifests: one question after the other, under a limit of memory.

It runs apart from the console, because a manifest is anybody's text: what one costs in time or
memory must not stall or end the rest. It keeps the last few manifests read, so that a second look
at the rows of one costs the rows alone.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from rowmill.console.sandbox.requests import Asked
from rowmill.errors import Invalid, RowmillError

# A process that has grown beyond this ends after its answer, and gives its memory back.
_GROWN = 400 * 2**20
_PAGE = resource.getpagesize()


def answer(asked: Asked, answers: Mapping[str, Callable[..., Any]]) -> Any:
    """The answer to one question; what cannot be answered is an error, as a value."""
    try:
        return answers[asked.about](asked.text, **asked.arguments)
    except RowmillError as error:
        return error
    except MemoryError:
        return _too_large()
    except RecursionError:
        return Invalid("TooDeep", "the manifest is nested too deep; flatten it")


def main() -> None:
    """Answer what comes by the pipe of this descriptor, within so many bytes of memory."""
    descriptor, memory = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _be_first_to_go()
    # What it stands on is loaded before the limit: address space is not memory that is used.
    from rowmill.console.sandbox.answers import ANSWERS

    within = _address_space() + memory
    resource.setrlimit(resource.RLIMIT_AS, (within, within))
    with Connection(descriptor) as pipe:
        while True:
            try:
                asked: Asked = pipe.recv()
            except (EOFError, OSError):
                return
            except MemoryError:
                pipe.send((_too_large(), True))
                return
            found = answer(asked, ANSWERS)
            last = _resident() > _GROWN
            try:
                pipe.send((found, last))
            except MemoryError:
                # Nothing was sent: it is made whole first.
                del found
                pipe.send((_too_large(), True))
                return
            if last:
                return


def _too_large() -> Invalid:
    return Invalid("TooLarge", "the manifest takes too much memory; make it smaller")


def _address_space() -> int:
    return _statm(0)


def _resident() -> int:
    return _statm(1)


def _statm(field: int) -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[field]) * _PAGE
    except OSError:
        # Not on this system: then the limit is the looser one of all that it may ever use.
        return 0


def _be_first_to_go() -> None:
    """Have the kernel choose this process when memory runs out, not the console or a run."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:
        os.nice(1)


if __name__ == "__main__":
    main()
