"""Worker processes that do as a test says, in place of real ones."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from typing import Any

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.local.run_errors import WorkerFailed, interrupted
from rowmill.local.workers.messages import (
    Ended,
    Progress,
    RunFinalize,
    RunShards,
    ShardWanted,
    Step,
)
from rowmill.worker.tally import TableProgress, Vitals

VITALS = Vitals(1, 0.1)


def good(pipe: Connection[Any, Any], *_: object) -> None:
    """Ends every command well."""
    while True:
        command = _next(pipe)
        if isinstance(command, RunShards):
            _make(pipe, command.shard)
            while (shard := _ask(pipe)) is not None:
                _make(pipe, shard)
        elif isinstance(command, RunFinalize):
            pipe.send(Step("publish"))
        pipe.send(Ended())


def dying_of_2_amid_others(pipe: Connection[Any, Any], *_: object) -> None:
    """Dies when it is given shard 2 and has others; ends every other command well."""
    while True:
        _make(pipe, _next(pipe).shard)
        while (shard := _ask(pipe)) is not None:
            if shard == 2:
                os._exit(7)
            _make(pipe, shard)
        pipe.send(Ended())


def fatal(pipe: Connection[Any, Any], *_: object) -> None:
    """Dies of every command."""
    _next(pipe)
    os._exit(7)


def refusing(pipe: Connection[Any, Any], *_: object) -> None:
    _next(pipe)
    pipe.send(Ended(DestinationRefused("DiskFull", "no room")))
    _next(pipe)


def unavailable(pipe: Connection[Any, Any], *_: object) -> None:
    _next(pipe)
    pipe.send(Ended(DestinationUnavailable("gone")))
    _next(pipe)


def fenced(pipe: Connection[Any, Any], *_: object) -> None:
    _next(pipe)
    pipe.send(Ended(Fenced("stale")))
    _next(pipe)


def defective(pipe: Connection[Any, Any], *_: object) -> None:
    _next(pipe)
    pipe.send(Ended(WorkerFailed("TypeError: x", "the stack")))
    _next(pipe)


def obedient(pipe: Connection[Any, Any], *_: object) -> None:
    """Ends when it is told to stop, and not before."""
    _next(pipe)
    _next(pipe)
    pipe.send(Progress({"a": TableProgress(generated=5)}, VITALS))
    pipe.send(Ended(interrupted()))
    _next(pipe)


def publishing(pipe: Connection[Any, Any], *_: object) -> None:
    """Is told to stop amid its publish, and has come to its end by then."""
    _next(pipe)
    _next(pipe)
    pipe.send(Step("publish"))
    pipe.send(Ended())
    _next(pipe)


def deaf(pipe: Connection[Any, Any], *_: object) -> None:
    """Never ends by itself."""
    _next(pipe)
    pipe.send(Progress({"a": TableProgress(generated=1)}, VITALS))
    while True:
        time.sleep(60)


def _make(pipe: Connection[Any, Any], shard: int) -> None:
    pipe.send(Progress({f"shard {shard}": TableProgress(generated=shard)}, VITALS))


def _ask(pipe: Connection[Any, Any]) -> int | None:
    pipe.send(ShardWanted())
    answer: int | None = _next(pipe).shard
    return answer


def _next(pipe: Connection[Any, Any]) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        os._exit(0)
