"""The end of a command line that is interrupted before any of its commands is at work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What typer ends with then; failures.py has its own word for it.
_TYPERS_INTERRUPT = 130
_INTERRUPTED = 5


@contextmanager
def interruptible(name: str) -> Iterator[None]:
    """End with exit code 5 and a word on standard error when the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        _leave(name)
    except SystemExit as ended:
        if ended.code == _TYPERS_INTERRUPT:
            _leave(name)
        raise


def _leave(name: str) -> None:
    print(f"{name}: interrupted", file=sys.stderr)
    sys.exit(_INTERRUPTED)
