"""What each error of a command against a cluster means to its caller."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rowmill.terminal.failures import Exit, Judgement, ending

_EXTRAS = {"tenacity": "kubectl", "urllib3": "kubectl"}


class ApiRefused(Exception):
    """The API server refuses: who asks, what is asked for, or the kind is not known to it."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class ApiUnreachable(Exception):
    """The API server does not answer."""


class StillUnderWay(Exception):
    """What was waited for has not ended in time, and goes on."""


def reporting(*, as_json: bool = False) -> AbstractContextManager[None]:
    """Turn what the block raises into a message and an exit code, as `terminal.failures` does."""
    return ending(_judge, _EXTRAS, as_json=as_json)


def _judge(error: Exception) -> Judgement | None:
    if isinstance(error, ApiRefused):
        return Exit.REFUSED, error.reason, str(error)
    if isinstance(error, ApiUnreachable):
        return Exit.FAILED, "ApiUnreachable", str(error)
    if isinstance(error, StillUnderWay):
        return Exit.INTERRUPTED, "StillUnderWay", str(error)
    return None
