"""Which runs have their supervisor on this machine, by locks that end with their process.

A lock is of a file in the experiment's folder, and that folder may go: with a refused run that left
nothing else there, or with a deleted experiment. So nobody removes a lock's file but who holds the
lock alone, and who gets a lock sees that its file is still the one at the path, else tries again:
a run that begins meanwhile holds either what nobody removes, or what it has made anew.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rowmill.errors import Conflict
from rowmill.local.home import remembered
from rowmill.local.home.file_locks import is_at, locked
from rowmill.local.home.folder import Home

_LOCK = "run.lock"
# Each is lost only to another process that removes the folder at that moment.
_TRIES = 100
_POLL_SECONDS = 0.05
# Two who look meet by chance; that they meet each time is none.
_LOOKS, _LOOK_SECONDS = 5, 0.003


@contextmanager
def supervising(home: Home, name: str) -> Iterator[None]:
    """Have it known, as long as the block lasts, that this process runs the experiment.

    It refuses nobody: the ledger's lock does. Where the experiment can have no folder, it is known
    without its name; a home that is none stays without. A run that has left nothing but its lock,
    since it was refused, leaves no folder either, unless somebody looks at the lock just then.
    """
    file = remembered.folder(home, name) / _LOCK
    descriptor = None
    # Shared: a second one is not refused here. It waits for one who looks, who is soon gone.
    with suppress(OSError):
        descriptor = _locked_in_place(home, name, file)
    if descriptor is None:
        with suppress(OSError):
            descriptor = locked(home.path, os.O_RDONLY, fcntl.LOCK_SH)
    try:
        yield
    finally:
        if descriptor is not None:
            with suppress(OSError):
                _remove_if_alone(descriptor, file)
            # A child that the caller's program forked meanwhile may have the descriptor too.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def is_supervised(home: Home, name: str) -> bool:
    """Whether a process of this machine runs the experiment now."""
    return _is_held(remembered.folder(home, name) / _LOCK, os.O_RDWR)


def supervised(home: Home) -> list[str]:
    """The experiments that processes of this machine run now, sorted; raises Refused."""
    return [name for name in remembered.folders(home) if is_supervised(home, name)]


def supervises_unnamed(home: Home) -> bool:
    """Whether a process of this machine runs an experiment that could have no folder here."""
    return _is_held(home.path, os.O_RDONLY)


def forget(home: Home, name: str, *, patience: float = 0.0) -> None:
    """Forget an experiment, and remove its folder; no error if it is not known.

    Args:
        patience: seconds to wait for a process that runs it, such as one about to end.

    Raises:
        Conflict: RunLive, a process of this machine runs it now.
        OSError: the folder cannot be removed.
    """
    place = remembered.folder(home, name)
    if place.is_symlink():
        raise OSError(errno.ENOTDIR, "it is a link", str(place))
    deadline = time.monotonic() + patience
    while True:
        try:
            descriptor = locked(
                place / _LOCK, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX | fcntl.LOCK_NB
            )
            break
        except (FileNotFoundError, NotADirectoryError):
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Conflict(
                    "RunLive",
                    f"{name} is run here now; stop that first with `rowmill suspend {name}`, "
                    f"or wait for it with `rowmill status {name} -w`",
                ) from None
            time.sleep(_POLL_SECONDS)
    try:
        if is_at(descriptor, place / _LOCK):
            _remove(place)
    finally:
        os.close(descriptor)


def _locked_in_place(home: Home, name: str, file: Path) -> int:
    """The lock of a file that is there for as long as it is held; raises OSError."""
    for _ in range(_TRIES):
        # Between the two the folder may go, and then is made again.
        with suppress(FileNotFoundError):
            remembered.make_folder(home, name)
            descriptor = locked(file, os.O_RDWR | os.O_CREAT, fcntl.LOCK_SH)
            if is_at(descriptor, file):
                return descriptor
            os.close(descriptor)
    raise FileNotFoundError(str(file))


def _is_held(path: Path, flags: int) -> bool:
    for _ in range(_LOOKS):
        try:
            os.close(locked(path, flags, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            # By one who looks too, perhaps, and is gone at once.
            time.sleep(_LOOK_SECONDS)
        except OSError:
            return False
        else:
            return False
    return True


def _remove_if_alone(descriptor: int, file: Path) -> None:
    """Remove the lock's folder if it holds nothing else, and no other process runs it too."""
    if not is_at(descriptor, file) or os.listdir(file.parent) != [_LOCK]:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # While the lock changed, another may have had it.
    if is_at(descriptor, file):
        _remove_lock(file)


def _remove(place: Path) -> None:
    for each in place.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        elif each.name != _LOCK:
            each.unlink(missing_ok=True)
    _remove_lock(place / _LOCK)


def _remove_lock(file: Path) -> None:
    """Remove a lock that is held alone, at last, and its folder unless a run has come into it."""
    file.unlink()
    with suppress(OSError):
        file.parent.rmdir()
