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


def stopped(number: int, *, suspended: bool) -> RunAborted | RunSuspended:
    """What run `number` ends with that somebody else stopped."""
    again = "run the same command to resume it"
    if suspended:
        return RunSuspended(f"run {number} was suspended; {again}")
    return RunAborted(f"run {number} was aborted; {again}")


def not_begun() -> Interrupted:
    """What a command ends with that was asked to stop before its run had begun."""
    message = "interrupted before the run had begun: run the same command again"
    return Interrupted("Interrupted", message)


def interrupted() -> Interrupted:
    """What a run ends with that was asked to stop; what is durable stays and can be resumed."""
    message = "interrupted; what is durable stays: run the same command to resume"
    return Interrupted("Interrupted", message)
