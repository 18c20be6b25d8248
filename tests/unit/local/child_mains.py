"""What the child processes of test_child_process.py do."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any


def answer(pipe: Connection[Any, Any], *args: object) -> None:
    """Sends back what it was given."""
    pipe.send(args)
