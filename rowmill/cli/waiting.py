"""What a command says of a server that it starts or waits for: a line, or one that changes."""

from __future__ import annotations

import sys
from contextlib import suppress

from rowmill.destinations.patience import NowAndThen, ReportWait, Wait, Waiting
from rowmill.local.reports import Reports
from rowmill.terminal.prose import notice
from rowmill.terminal.waiting_line import WaitingLine


def report_waits() -> ReportWait:
    """For a command that shows nothing else meanwhile."""
    return _OnTerminal() if sys.stderr.isatty() else in_lines()


def in_lines() -> ReportWait:
    """A line at the beginning of a wait, and then one now and then."""
    return NowAndThen(notice)


def say_starting() -> None:
    """What a command says before it starts the embedded servers, which takes seconds."""
    notice("starting the embedded servers")


def terminal_reports() -> Reports:
    """Whom an engine tells, of a command that shows nothing else meanwhile."""
    return Reports(notice, report_waits(), say_starting)


class _OnTerminal:
    def __init__(self) -> None:
        self._line = WaitingLine()

    def __call__(self, wait: Wait) -> None:
        with suppress(OSError):
            if isinstance(wait, Waiting):
                self._line.show(f"rowmill: {wait}")
            else:
                self._line.clear()
