"""What processes say of themselves: one that ended after it was listed says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import psutil

Fact = TypeVar("Fact")


def said(
    listed: Iterable[psutil.Process], ask: Callable[[psutil.Process], Fact]
) -> list[tuple[psutil.Process, Fact]]:
    """Each process that still lives, with its answer; servers' children come and go at any time."""
    answers = []
    for process in listed:
        try:
            answers.append((process, ask(process)))
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return answers


def facts(listed: Iterable[psutil.Process], ask: Callable[[psutil.Process], Fact]) -> list[Fact]:
    """The answers alone."""
    return [answer for _, answer in said(listed, ask)]


def has_ended(process: psutil.Process) -> bool:
    return not living([process])


def living(listed: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; a zombie has."""
    answers = said(listed, psutil.Process.status)
    return [process for process, status in answers if status != psutil.STATUS_ZOMBIE]
