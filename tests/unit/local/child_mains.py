"""What the child processes of the tests here do."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import pyarrow as pa


def answer(pipe: Connection[Any, Any], *args: object) -> None:
    """Sends back what it was given."""
    pipe.send(args)


def describe(pipe: Connection[Any, Any]) -> None:
    """Sends what it has of its parent."""
    pipe.send(
        {
            # Pipes are multiprocessing's own, by which it knows of an end.
            "open": [each for each in _open_beside_output() if not each.startswith("pipe:")],
            "pipe": os.readlink(f"/proc/self/fd/{pipe.fileno()}"),
            "input": os.readlink("/proc/self/fd/0"),
            "blocked": signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()),
            "at SIGTERM": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
            "Arrow's memory": pa.default_memory_pool().backend_name,
        }
    )


def wait_for_ever(pipe: Connection[Any, Any]) -> None:
    """Ends when its parent does."""
    pipe.send(os.getpid())
    with suppress(EOFError):
        pipe.recv()


def _open_beside_output() -> list[str]:
    found = []
    for each in os.listdir("/proc/self/fd"):
        # One that was listed is that of the listing.
        with suppress(FileNotFoundError):
            if each not in ("1", "2"):
                found.append(os.readlink(f"/proc/self/fd/{each}"))
    return found


def describe_session(pipe: Connection[Any, Any]) -> None:
    """Sends what it shares with the session and the output of its parent."""
    streams = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
    pipe.send((os.getsid(0) == os.getpid(), streams, os.getcwd()))
