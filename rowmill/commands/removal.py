"""`reset` and `delete`: remove data, remove data and records."""

from __future__ import annotations

import sys

from rowmill.commands.waiting import only_waited_for
from rowmill.commands.watching import seconds
from rowmill.engine.interface import Engine
from rowmill.terminal.failures import UsageError
from rowmill.terminal.prose import confirmed, say


def reset(engine: Engine, name: str, yes: bool) -> None:
    """Remove the data; keep the records."""
    _ask(f"Remove all data of {name}?", yes)
    _reset(engine, name, None)


def reset_remotely(engine: Engine, name: str, yes: bool, timeout: str | None) -> None:
    """As `reset`, where the engine has others do it; `timeout` is as of `verify_remotely`."""
    longest = seconds(timeout, wait=True)
    _ask(f"Remove all data of {name}?", yes)
    with only_waited_for("reset", name):
        _reset(engine, name, longest)


def delete(engine: Engine, name: str, keep_data: bool, yes: bool) -> None:
    """Remove the data and the records; what is but remembered here is forgotten.

    With `keep_data` it is forgotten alone, and nobody is asked: running it again brings it back.
    """
    if not keep_data:
        _ask(f"Remove all data and records of {name}?", yes)
    say(engine.delete(name, purge=not keep_data))


def _reset(engine: Engine, name: str, timeout: float | None) -> None:
    run = engine.reset(name, timeout=timeout)
    say(f"{name}: {run.message}. Its records stay: `{engine.command('runs', name)}`")


def _ask(question: str, yes: bool) -> None:
    if yes or not sys.stdin.isatty():
        return
    if not confirmed(question):
        raise UsageError("nothing was removed")
