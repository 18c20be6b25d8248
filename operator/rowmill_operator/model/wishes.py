"""What annotations ask of a run, by its number: to be reset, to be verified."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REQUEST = re.compile(r"([1-9][0-9]{0,8})(?:\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Wish:
    """What is asked of run `number`; by the `request` one is told from a repeat."""

    request: str
    number: int


def read_wish(text: str | None) -> Wish | None:
    """The wish that an annotation's value `N` or `N.k` is, None of any other."""
    found = _REQUEST.fullmatch(text or "")
    return None if found is None else Wish(found[0], int(found[1]))
