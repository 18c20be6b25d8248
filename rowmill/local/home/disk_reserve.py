"""Disk space set aside in ROWMILL_HOME, so that the data on a full disk can be removed.

Whoever removes data writes first: how far it has come, that a run may write no more. Postgres frees
what a transaction drops only when it commits, and a row's next version may need a new page before.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

from rowmill.local.home.folder import Home

# A segment of Postgres's log (16 MiB), and pages of its tables and of the files of S3.
RESERVE_BYTES = 20 << 20
# Where less is free, it is left to the data.
_LEAST_FREE_BYTES = 4 * RESERVE_BYTES


def set_aside(home: Home) -> None:
    """Take the reserve where the disk has room for it, unless it is there; never fails."""
    with suppress(OSError):
        if home.reserve.exists() or shutil.disk_usage(home.postgres).free < _LEAST_FREE_BYTES:
            return
        # Of two who come at once, the second finds it there.
        descriptor = os.open(home.reserve, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                # Random, as zeros take no room on a file system that compresses.
                stream.write(os.urandom(RESERVE_BYTES))
        except OSError:
            home.reserve.unlink(missing_ok=True)


def release(home: Home) -> None:
    """Free the reserve if the disk has less than that; once there is room, `set_aside` takes it."""
    with suppress(OSError):
        if shutil.disk_usage(home.postgres).free < RESERVE_BYTES:
            home.reserve.unlink(missing_ok=True)
