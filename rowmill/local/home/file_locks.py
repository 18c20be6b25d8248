"""Locks of files and folders, which the operating system lets go with their process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def locked(path: Path, flags: int, how: int) -> int:
    """A descriptor that holds the lock of a path until it is closed.

    Args:
        path: of a file or a folder.
        flags: as `os.open` takes them; a file that they make is its owner's alone.
        how: as `fcntl.flock` takes it.

    Raises:
        BlockingIOError: others hold it, and it is not to be waited for.
        OSError: the path cannot be opened.
    """
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """Hold a file's lock while this is entered, once nobody else does; the file is made, and stays.

    Raises OSError.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = locked(file, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def is_at(descriptor: int, file: Path) -> bool:
    """Whether what was opened is still what is at the path."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
