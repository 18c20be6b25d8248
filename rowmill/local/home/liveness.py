"""Which runs have their supervisor on this machine, by locks that end with their process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rowmill.local.home import remembered
from rowmill.local.home.folder import Home

_LOCK = "run.lock"


@contextmanager
def supervising(home: Home, name: str) -> Iterator[None]:
    """Have it known, as long as the block lasts, that this process runs the experiment.

    It refuses nobody: the ledger's lock does. A home that cannot be written stays without.
    """
    descriptor = None
    with suppress(OSError):
        file = remembered.make_folder(home, name) / _LOCK
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        # Shared: a second one is not refused here. It waits for one who looks, who is soon gone.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_supervised(home: Home, name: str) -> bool:
    """Whether a process of this machine runs the experiment now."""
    try:
        descriptor = os.open(remembered.folder(home, name) / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def supervised(home: Home) -> list[str]:
    """The experiments that processes of this machine run now, sorted."""
    return [name for name in remembered.folders(home) if is_supervised(home, name)]
