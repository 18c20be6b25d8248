"""What annotations ask of a run, by its number: to be reset, verified or aborted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_REQUEST = re.compile(r"([1-9][0-9]{0,8})(?:\.([0-9]{1,9}))?")
# A run that has not begun may never begin: its abort holds of the asking generation alone.
_OF_GENERATION = "@"


@dataclass(frozen=True)
class Wish:
    """What is asked of run `number`, after it was asked for so many `times`."""

    request: str
    number: int
    times: int = 0

    def is_met_by(self, request: str) -> bool:
        """Whether that, which was met, is this very wish or was asked for after it.

        An older one comes again where a tool applies an earlier commit. Of another run it says
        nothing: a copy comes with what was asked of runs that it has not had.
        """
        met = read_wish(request)
        return met is not None and met.number == self.number and self.times <= met.times


def read_wish(text: str | None) -> Wish | None:
    """The wish that an annotation's value `N` or `N.k` is, None of any other."""
    found = _REQUEST.fullmatch(text or "")
    return None if found is None else Wish(found[0], int(found[1]), int(found[2] or 0))


def next_wish(number: int, before: Iterable[str | None]) -> Wish | None:
    """What asks for run `number` as none `before` does; None if no number is left for it.

    `before` are values of the annotation, of which those that are no wish count for nothing.
    """
    wishes = (read_wish(text) for text in before)
    asked = [wish.times for wish in wishes if wish is not None and wish.number == number]
    return read_wish(f"{number}.{max(asked) + 1}" if asked else str(number))


def abort_of_next(number: int, generation: int) -> str:
    """What aborts run `number`, which this generation of the spec asks for and which has not begun.

    Of a later generation it aborts nothing: the edit that asked for the run may have been taken
    back.
    """
    return f"{number}{_OF_GENERATION}{generation}"


def aborts(text: str | None, number: int, generation: int | None) -> bool:
    """Whether the annotation's value asks to abort run `number` of this generation of the spec."""
    return text in (str(number), f"{number}{_OF_GENERATION}{generation}")
