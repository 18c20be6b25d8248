"""A run as it goes, until it has ended: what `status -w` and `--wait` do."""

from __future__ import annotations

import time
from collections.abc import Callable

from rowmill.commands.going_on import how_to_go_on
from rowmill.engine.interface import Engine
from rowmill.engine.records import Progress, RunRecord, State
from rowmill.engine.verdict import INTERRUPTED, SUSPENDED
from rowmill.errors import Differs, Failed, Interrupted, RowmillError
from rowmill.spec.values.durations import parse_duration
from rowmill.terminal import figures
from rowmill.terminal.failures import Answered, UsageError
from rowmill.terminal.output import print_json
from rowmill.views.runs import show_progress
from rowmill.views.watching import display, line_of

_ENDS: dict[State, type[RowmillError]] = {
    State.FAILED: Failed,
    State.ABORTED: Interrupted,
    State.SUSPENDED: Interrupted,
    State.INTERRUPTED: Interrupted,
}
# Reasons for which nobody verifies though nothing is amiss.
_STOPPED = frozenset({INTERRUPTED, SUSPENDED})

STOPPED_LOOKING = "no longer looked at; the run goes on"


class StillUnderWay(Interrupted):
    """What was waited for has not ended in time, and goes on."""

    def __init__(self, message: str) -> None:
        super().__init__("StillUnderWay", message)


def watch_to_its_end(
    engine: Engine,
    name: str,
    *,
    as_json: bool = False,
    timeout: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Show NAME until its newest run has ended, and was verified if it is to be; leave as it did.

    Args:
        engine: whose it is.
        name: of the experiment.
        as_json: print one JSON document at the end, all else to standard error.
        timeout: seconds after which to give up.
        clock: tells seconds.

    Raises:
        StillUnderWay: the run had not ended in time; it goes on.
        Answered: all was shown, and the run had failed or could not be verified (exit code 4), or
            it or its verify was ended (5), or what it published differs (1).
    """
    try:
        progress = _watched(engine, name, as_json, timeout, clock)
    except KeyboardInterrupt:
        # Whoever watches is no part of the run.
        again = engine.command("status", name, "-w")
        raise Interrupted("Interrupted", f"{STOPPED_LOOKING}: {again}") from None
    if as_json:
        print_json(progress.to_json())
    else:
        show_progress(progress, how_to_go_on(engine, name))
    if kind := _end_of(progress.run):
        raise Answered(kind)


def seconds(timeout: str | None, *, wait: bool) -> float | None:
    """What `--timeout` says, in seconds.

    Raises:
        UsageError: it is no duration, or nothing is waited for.
    """
    if timeout is None:
        return None
    if not wait:
        raise UsageError("--timeout is for --wait")
    try:
        return parse_duration(timeout) / 1e6
    except ValueError as error:
        raise UsageError(f"--timeout {timeout!r} {error}") from None


def _watched(
    engine: Engine,
    name: str,
    as_json: bool,
    timeout: float | None,
    clock: Callable[[], float],
) -> Progress:
    since, last, overdue = clock(), None, False
    with display(stderr=as_json) as show:
        for last in engine.watch(name):
            show(last)
            # The newest run may have ended, and what was asked for since not begun.
            waited_on, overdue = overdue, timeout is not None and clock() - since >= timeout
            if timeout is not None and (waited_on or (overdue and _goes_on(last))):
                raise StillUnderWay(
                    f"{name} was not done within {figures.duration(timeout)} ({line_of(last)}); "
                    f"it goes on: {engine.command('status', name, '-w')}"
                )
    assert last is not None, "a watch tells at least once"
    return last


def _goes_on(progress: Progress) -> bool:
    run = progress.run
    return run.at_work or run.state not in {*_ENDS, State.COMPLETED, State.RESET}


def _end_of(run: RunRecord) -> type[RowmillError] | None:
    """By what kind of error a run ended, or its verification; None if all is well."""
    verdict = run.verification
    if run.state is not State.COMPLETED or verdict is None or verdict.identical:
        return _ENDS.get(run.state)
    if verdict.identical is False:
        return Differs
    return Interrupted if verdict.reason in _STOPPED else Failed
