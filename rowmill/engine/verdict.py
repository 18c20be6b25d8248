"""What is known of a run's published data: the same words from a machine and a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowmill.counting import counted
from rowmill.engine.json_records import from_json, to_json
from rowmill.engine.verification import Verification
from rowmill.errors import RowmillError

# Reasons, as of the condition Verified.
IDENTICAL = "Identical"
DIFFERS = "Differs"
VERIFYING = "Verifying"
INTERRUPTED = "Interrupted"
SUSPENDED = "Suspended"
INVALID_SPEC = "InvalidSpec"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether every destination holds the rows of a run.

    `identical` is None where that is not known: `awaited` while somebody is about to find out, else
    nobody is. `reason` is one word for programs, `message` a sentence for people. The other fields
    are those of `Verification`, None where it is not known.
    """

    identical: bool | None = None
    awaited: bool = False
    reason: str
    message: str = ""
    finished_at: datetime | None = None
    rows: int | None = None
    checksum: str | None = None
    differences: int | None = None
    where: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a run's JSON has it under `verification`."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """From its JSON; raises TypeError if it is none."""
        return from_json(cls, data)


def awaited(run: int) -> Verdict:
    """Of a run that is verified once it is published, or is so now."""
    message = f"the rows of run {run} are made again and compared"
    return Verdict(awaited=True, reason=VERIFYING, message=message)


def left_alone(run: int) -> Verdict:
    """Of a run that was to be verified, and whose process is gone."""
    message = f"the process ended before it had compared the rows of run {run}; `verify` does it"
    return Verdict(reason=INTERRUPTED, message=message)


def unverified(run: int, error: RowmillError) -> Verdict:
    """Of a run whose verification ended by an error, which may say so too."""
    message = error.message.removeprefix(f"{said_unverified(run)}: ")
    return Verdict(reason=error.reason, message=message)


def said_unverified(run: int) -> str:
    """How the error begins with which a verification after a run ended."""
    return f"run {run} is complete, and was not verified"


def verdict_of(found: Verification) -> Verdict:
    """What a verification came to, as it is kept: where it differs, and no cell's value."""
    return Verdict(
        identical=found.identical,
        reason=IDENTICAL if found.identical else DIFFERS,
        message=_told(found),
        finished_at=found.finished_at,
        rows=found.rows,
        checksum=found.checksum,
        differences=found.differences,
        where=found.where or None,
    )


def _told(found: Verification) -> str:
    """As the condition Verified says it."""
    rows = counted(found.rows, "row")
    sums = f"; data checksum {found.checksum}" if found.checksum else ""
    if found.identical:
        return f"run {found.run}: {rows} made again are identical{sums}"
    count = f"differing rows: {found.differences:,}; " if found.differences else ""
    return f"run {found.run} differs: {found.where or 'its rows'} ({count}{rows} made again){sums}"
