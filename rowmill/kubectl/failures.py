"""The errors of a command against a cluster."""

from __future__ import annotations

from rowmill.errors import Interrupted, Refused, Unavailable
from rowmill.terminal.failures import Translations, missing_extra

_EXTRAS = {"tenacity": "kubectl", "urllib3": "kubectl"}
TRANSLATIONS: Translations = {ModuleNotFoundError: missing_extra(_EXTRAS)}


class ApiRefused(Refused):
    """The API server refuses: who asks, what is asked for, or the kind is not known to it."""


class ApiUnreachable(Unavailable):
    """The API server does not answer."""

    def __init__(self, message: str) -> None:
        super().__init__("ApiUnreachable", message)


class StillUnderWay(Interrupted):
    """What was waited for has not ended in time, and goes on."""

    def __init__(self, message: str) -> None:
        super().__init__("StillUnderWay", message)
