"""How a run on this machine ends when it does not come to its end."""

from __future__ import annotations

from rowmill.errors import Failed, Interrupted


class RunFailed(Failed):
    """The run is FAILED; the message says why. It can be resumed once the cause is mended."""

    def __init__(self, message: str) -> None:
        super().__init__("RunFailed", message)


class WorkerFailed(RunFailed):
    """A worker met an error that is a defect or beyond retrying; `trace` is its stack."""

    def __init__(self, message: str, trace: str = "") -> None:
        self.trace = trace
        super().__init__(message)


class RunAborted(Interrupted):
    """Somebody aborted the run; it can be resumed."""

    def __init__(self, message: str) -> None:
        super().__init__("Aborted", message)


class RunSuspended(Interrupted):
    """Somebody suspended the run; it is to go on later."""

    def __init__(self, message: str) -> None:
        super().__init__("Suspended", message)


def going_on(name: str) -> str:
    """How a run of NAME goes on; the command that began it may be one that starts over."""
    return f"go on with it: rowmill resume {name}"


def stopped(number: int, name: str, *, suspended: bool) -> RunAborted | RunSuspended:
    """What run `number` of NAME ends with that somebody else stopped."""
    if suspended:
        return RunSuspended(f"run {number} was suspended; {going_on(name)}")
    return RunAborted(f"run {number} was aborted; {going_on(name)}")


def not_begun() -> Interrupted:
    """What a command ends with that was asked to stop before its run had begun."""
    message = "interrupted before the run had begun: run the same command again"
    return Interrupted("Interrupted", message)


def interrupted(name: str | None = None) -> Interrupted:
    """What a run of NAME ends with that was asked to stop; without one, what a worker does."""
    how = "" if name is None else f"; what is durable stays, {going_on(name)}"
    return Interrupted("Interrupted", f"interrupted{how}")
