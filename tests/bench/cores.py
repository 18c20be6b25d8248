"""Cores kept apart: the servers on one, the workers on another, so that neither takes the other's.

A process that is started on a core stays there with all that it starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


class NoCores(Exception):
    """The servers and the workers cannot have a core each; the message says why."""


@dataclass(frozen=True)
class Cores:
    """The numbers of the servers' core and of the workers'."""

    servers: int
    workers: int


def cores_apart() -> Cores:
    """Two cores that this process may use.

    Raises:
        NoCores: the system pins no processes, or there is only one core.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise NoCores("this system does not keep a process on a core (Linux does)")
    return choose(os.sched_getaffinity(0), _siblings)


def choose(allowed: Collection[int], siblings: Callable[[int], Collection[int]]) -> Cores:
    """The first two of the allowed cores, as the system numbers them, that share no real one.

    Raises:
        NoCores: there are none.
    """
    first = min(allowed)
    others = sorted(set(allowed) - set(siblings(first)) - {first})
    if not others:
        raise NoCores(f"it needs two cores, and this process may use one: {sorted(allowed)}")
    return Cores(first, others[0])


@contextmanager
def started_on(core: int) -> Iterator[None]:
    """What this thread starts in the block runs on that core alone, and so does the thread."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _siblings(core: int) -> set[int]:
    """The numbers of a real core's threads, of which `core` is one."""
    try:
        listed = Path(_TOPOLOGY.format(core)).read_text(encoding="ascii")
    except OSError:
        return {core}
    return numbers(listed)


def numbers(listed: str) -> set[int]:
    """The numbers of a kernel's list, such as `0-1,8`."""
    found: set[int] = set()
    for each in listed.strip().split(","):
        first, _, last = each.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
