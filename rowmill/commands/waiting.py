"""What others do for a command: whoever stops waiting for it does not stop it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rowmill.errors import Interrupted


@contextmanager
def only_waited_for(what: str, name: str) -> Iterator[None]:
    """Ctrl-C ends the waiting for `what`, such as a verify, and not that."""
    try:
        yield
    except KeyboardInterrupt:
        message = f"no longer waited for; the {what} of {name} goes on if it was asked for by then"
        raise Interrupted("Interrupted", message) from None
