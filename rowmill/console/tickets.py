"""Tickets, by which a browser downloads what it asked for: for one use, and not for long.

A browser saves a download by a link, which carries no header of ours; so the link itself is secret,
and dead once used.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
TICKETS_PATH = "/api/tickets/"
_SECONDS = 60.0
_MOST = 1_000


@dataclass(frozen=True)
class _Issued(Generic[T]):
    wanted: T
    until: float


class Tickets(Generic[T]):
    """What was promised by tickets that nobody has used yet."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, _Issued[T]] = {}

    def issue(self, wanted: T) -> str:
        """A ticket for it; the oldest are dead where there are too many."""
        ticket = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            alive = [(key, each) for key, each in self._issued.items() if each.until > now]
            self._issued = dict(alive[1 - _MOST :])
            self._issued[ticket] = _Issued(wanted, now + _SECONDS)
        return ticket

    def use(self, ticket: str) -> T | None:
        """What it is for; None if there is no such ticket, or no longer."""
        with self._lock:
            found = self._issued.pop(ticket, None)
        return found.wanted if found is not None and self._clock() < found.until else None
