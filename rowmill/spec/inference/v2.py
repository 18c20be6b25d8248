"""Version 2 of the rules of inference, open: so far as version 1."""

from __future__ import annotations

from rowmill.spec.inference import v1

RULES = v1.RULES
