"""What annotations ask of a run, by its number: to be reset, to be verified."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_REQUEST = re.compile(r"([1-9][0-9]{0,8})(?:\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Wish:
    """What is asked of run `number`; by the `request` one is told from a repeat."""

    request: str
    number: int

    @property
    def repeat(self) -> int:
        """Which time it is asked after the first."""
        return int(self.request.partition(".")[2] or 0)


def read_wish(text: str | None) -> Wish | None:
    """The wish that an annotation's value `N` or `N.k` is, None of any other."""
    found = _REQUEST.fullmatch(text or "")
    return None if found is None else Wish(found[0], int(found[1]))


def next_wish(number: int, before: Iterable[str | None]) -> Wish | None:
    """What asks for run `number` as none `before` does; None if no number is left for it.

    `before` are values of the annotation, of which those that are no wish count for nothing.
    """
    wishes = (read_wish(text) for text in before)
    asked = [wish.repeat for wish in wishes if wish is not None and wish.number == number]
    return read_wish(f"{number}.{max(asked) + 1}" if asked else str(number))
