"""Worker processes that do as a test says, in place of real ones."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from typing import Any

from rowmill.local.messages import (
    Ended,
    Ending,
    Progress,
    RunFinalize,
    RunShard,
    Step,
)
from rowmill.worker.tally import TableProgress, Vitals

VITALS = Vitals(1, 0.1)


def good(pipe: Connection[Any, Any], *_: object) -> None:
    """Ends every command well."""
    while True:
        command = _next(pipe)
        if isinstance(command, RunShard):
            rows = TableProgress(generated=command.shard)
            pipe.send(Progress({f"shard {command.shard}": rows}, VITALS))
        elif isinstance(command, RunFinalize):
            pipe.send(Step("publish"))
        pipe.send(Ended(Ending.DONE))


def fatal(pipe: Connection[Any, Any], *_: object) -> None:
    """Dies of every command."""
    _next(pipe)
    os._exit(7)


def refusing(pipe: Connection[Any, Any], *_: object) -> None:
    _next(pipe)
    pipe.send(Ended(Ending.REFUSED, "no room", "DiskFull"))
    _next(pipe)


def unavailable(pipe: Connection[Any, Any], *_: object) -> None:
    _next(pipe)
    pipe.send(Ended(Ending.UNAVAILABLE, "gone"))
    _next(pipe)


def fenced(pipe: Connection[Any, Any], *_: object) -> None:
    _next(pipe)
    pipe.send(Ended(Ending.FENCED, "stale"))
    _next(pipe)


def defective(pipe: Connection[Any, Any], *_: object) -> None:
    _next(pipe)
    pipe.send(Ended(Ending.FAILED, "TypeError: x", trace="the stack"))
    _next(pipe)


def obedient(pipe: Connection[Any, Any], *_: object) -> None:
    """Ends when it is told to stop, and not before."""
    _next(pipe)
    _next(pipe)
    pipe.send(Progress({"a": TableProgress(generated=5)}, VITALS))
    pipe.send(Ended(Ending.STOPPED))
    _next(pipe)


def deaf(pipe: Connection[Any, Any], *_: object) -> None:
    """Never ends by itself."""
    _next(pipe)
    pipe.send(Progress({"a": TableProgress(generated=1)}, VITALS))
    while True:
        time.sleep(60)


def _next(pipe: Connection[Any, Any]) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        os._exit(0)
