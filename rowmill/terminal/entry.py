"""The begin of a command line, and its end where none of its commands is at work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rowmill.terminal.streams import OutputLost, discard_output, prepare_streams

# What typer ends with then; failures.py has its own word for it.
_TYPERS_INTERRUPT = 130
_FAILED = 4
_INTERRUPTED = 5


@contextmanager
def interruptible(name: str) -> Iterator[None]:
    """End with exit code 5 and a word on standard error when the block is interrupted.

    Likewise with 4 when standard output takes no help text.
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
        _leave(name, lost.told, _FAILED)
    except SystemExit as ended:
        if ended.code == _TYPERS_INTERRUPT:
            _leave(name, "interrupted", _INTERRUPTED)
        raise


def _leave(name: str, words: str, code: int) -> None:
    print(f"{name}: {words}", file=sys.stderr)
    sys.exit(code)
