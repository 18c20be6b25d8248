"""A manifest that is plain data, as the API server gives it, in a text that reads back the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# JSON takes these as they are. YAML breaks lines at some of them, and refuses the others.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def manifest_text(manifest: Mapping[str, Any]) -> str:
    """The manifest as JSON that is YAML as well, so that `load_spec` reads every value as it is."""
    # Whole characters: YAML does not join the halves that JSON escapes are made of.
    text = json.dumps(manifest, ensure_ascii=False, separators=(",", ": "))
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
