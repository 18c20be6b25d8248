"""Let a process of Rowmill stand still, or die, before a certain call, for make_older.py.

Python imports this at its start when the folder is on PYTHONPATH. STANDSTILL is
MODULE:CLASS.METHOD:CALL:FILE; the process makes FILE and waits there for as long as it is. Without
a FILE it kills itself.
"""

from __future__ import annotations

import importlib
import os
import signal
import time
from pathlib import Path
from typing import Any


def _put(wanted: str) -> None:
    module, place, call, file = wanted.split(":")
    owner_name, _, method = place.partition(".")
    owner = getattr(importlib.import_module(module), owner_name)
    before = getattr(owner, method)
    calls = 0

    def stopping(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == int(call):
            _stop(file)
        return before(*arguments, **named)

    setattr(owner, method, stopping)


def _stop(file: str) -> None:
    if not file:
        os.kill(os.getpid(), signal.SIGKILL)
    Path(file).touch()
    while Path(file).exists():
        time.sleep(0.02)


if wanted := os.environ.get("STANDSTILL"):
    _put(wanted)
