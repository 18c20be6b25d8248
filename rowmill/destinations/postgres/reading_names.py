"""What sessions that read a published run are called, by which who waits for them tells of them."""

from __future__ import annotations

import re
from enum import StrEnum


class Reading(StrEnum):
    """What a published run is read for."""

    VERIFY = "verification"
    TRACE = "trace"


def application_of(reading: Reading, number: int) -> str:
    """The application name of a session that reads run `number`."""
    return f"rowmill {reading} of run {number}"


def reading_of(application: str) -> str | None:
    """What such a session does, as in "the verification of run 3"; None of any other session."""
    found = _NAME.fullmatch(application)
    return None if found is None else f"the {found[1]}"


_NAME = re.compile(rf"rowmill ((?:{'|'.join(Reading)}) of run [0-9]+)")
