"""What the operator tells the pod of a purge or a reset, and what that reports: their words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PurgeEnd(StrEnum):
    """How a purge or a reset ended that removed all it could, `purged` in its pod's report.

    TAKEN: another Experiment of the same name has the data now. NOTHING: none was known to be
    written, and none was found, such as of what was reset before; or a reset is of a run after
    which another was begun.
    """

    REMOVED = "removed"
    PARTLY = "partly"
    TAKEN = "taken"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Written:
    """The run whose data a removal must not fail to find: the published one, else one with rows.

    `run_id` is that of the published run, which another Experiment of the name may have made; ""
    where it is not known.
    """

    number: int
    run_id: str = ""

    def to_text(self) -> str:
        """As a variable of the pod holds it."""
        return f"{self.number}/{self.run_id}"

    @classmethod
    def from_text(cls, text: str) -> Written | None:
        """What `to_text` wrote, None of an empty text."""
        number, _, run_id = text.partition("/")
        return cls(int(number), run_id) if number else None
