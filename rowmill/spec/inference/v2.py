"""Version 2 of the rules of inference, open: unique texts look like what their names say.

Of version 1 a unique `sku` has 16 letters and digits, as any unique text; see `_UNIQUE`.
"""

from __future__ import annotations

from dataclasses import replace

from rowmill.spec.inference import v1
from rowmill.spec.inference.rules import Rule, Rules

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
# By the first name of a rule of version 1: patterns of what it makes, the usual form first.
_UNIQUE = {
    "sku": ("[A-Z]{3}-[0-9]{5}", "[A-Z]{4}-[0-9]{8}"),
    "phone": (r"\+[1-9][0-9] [0-9]{3} [0-9]{8}",),
    "postcode": ("[0-9]{5}", "[0-9]{5}-[0-9]{4}"),
    "url": (r"https://example\.com/[a-z]{8}[0-9]{6}",),
    "file_name": (r"[a-z]{8}[0-9]{6}\.(csv|jpg|pdf|txt)",),
    "color": ("#[0-9a-f]{6}",),
    "currency": ("[A-Z]{3}",),
    "country_code": ("[A-Z]{2}",),
    "ip": (rf"{_OCTET}(\.{_OCTET}){{3}}",),
}


def _changed(rule: Rule) -> Rule:
    patterns = _UNIQUE.get(rule.names.split()[0], ())
    unique = tuple({"pattern": pattern} for pattern in patterns)
    return replace(rule, unique=unique or rule.unique)


RULES = Rules(tuple(map(_changed, v1.BY_NAME)), v1.by_type, v1.PERSON_NAMES)
