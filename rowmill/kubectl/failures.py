"""What a command against a cluster says of errors that are no words of ours."""

from __future__ import annotations

from rowmill.terminal.failures import Translations, missing_extra

_EXTRAS = {"tenacity": "kubectl", "urllib3": "kubectl"}
TRANSLATIONS: Translations = {ModuleNotFoundError: missing_extra(_EXTRAS)}
