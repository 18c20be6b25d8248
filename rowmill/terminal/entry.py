"""The begin of a command line, and its end where none of its commands is at work."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rowmill.terminal.streams import OutputLost, discard_output, prepare_streams

# What typer ends with then; failures.py has its own word for it.
_TYPERS_INTERRUPT = 130
_FAILED = 4
_INTERRUPTED = 5
# Of what a command makes while it works; few are in cycles.
_OBJECTS_BEFORE_COLLECTION = 20_000


@contextmanager
def interruptible(name: str) -> Iterator[None]:
    """End with exit code 5 and a word on standard error when the block is interrupted.

    Likewise with 4 when standard output takes no help text. Each end is a SystemExit.
    """
    prepare_streams()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        _leave(name, "interrupted", _INTERRUPTED)
    except BrokenPipeError:
        discard_output()
        sys.exit(0)
    except OutputLost as lost:
        discard_output()
        _leave(name, lost.message, _FAILED)
    except SystemExit as ended:
        if ended.code == _TYPERS_INTERRUPT:
            _leave(name, "interrupted", _INTERRUPTED)
        raise


@contextmanager
def own_process() -> Iterator[None]:
    """Have this process for the command in the block alone, from its begin to its end.

    Not where a program goes on behind it: the process ends as soon as the exit handlers have run.
    """
    gc.disable()
    end = _End()
    # The first that is registered is the last that is called.
    atexit.register(end)
    try:
        yield
    except SystemExit as ended:
        end.code = ended.code
        raise


def collect_from_here() -> None:
    """Look for garbage from now on, and never among what is there, where `own_process` began.

    Nearly all that a command makes while it begins is what it imports, and stays: to look through
    it for garbage costs a tenth of the start.
    """
    if gc.isenabled():
        return
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    gc.enable()


class _End:
    """Ends the process after the command's exit handlers, without Python's taking modules apart.

    That frees one by one what the system frees at once, and takes 0.1 s where Arrow is loaded.
    """

    def __init__(self) -> None:
        # Another end than by a code is left to Python.
        self.code: object = None

    def __call__(self) -> None:
        if isinstance(self.code, int):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.code)


def _leave(name: str, words: str, code: int) -> None:
    print(f"{name}: {words}", file=sys.stderr)
    sys.exit(code)
