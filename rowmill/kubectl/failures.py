"""The errors of a command against a cluster."""

from __future__ import annotations

from rowmill.errors import Interrupted
from rowmill.terminal.failures import Translations, missing_extra

_EXTRAS = {"tenacity": "kubectl", "urllib3": "kubectl"}
TRANSLATIONS: Translations = {ModuleNotFoundError: missing_extra(_EXTRAS)}


class StillUnderWay(Interrupted):
    """What was waited for has not ended in time, and goes on."""

    def __init__(self, message: str) -> None:
        super().__init__("StillUnderWay", message)
