"""What a run takes the place of, what took the place of a complete one, and the words for both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rowmill.counting import counted

_NAMED = 5


@dataclass(frozen=True)
class Replaced:
    """The published run whose data is removed when another one is published.

    `rows` are those of all its tables. `owner` is the owner key of another experiment's run, of
    which the data is adopted. `gone` are the tables that the newer run does not have.
    """

    run: int
    rows: int
    owner: str | None = None
    gone: tuple[str, ...] = ()

    def __str__(self) -> str:
        owner = "" if self.owner is None else f" of {self.owner}"
        return f"run {self.run}{owner} ({counted(self.rows, 'row')})"

    @property
    def gone_tables(self) -> str:
        """The first names of `gone` and how many more there are; "" if there are none."""
        named = ", ".join(self.gone[:_NAMED])
        return f"{named} and {len(self.gone) - _NAMED} more" if self.gone[_NAMED:] else named

    def to_json(self) -> dict[str, Any]:
        """As `run` prints it: {"run", "rows"}, of another experiment's run also "owner"."""
        owner = {} if self.owner is None else {"owner": self.owner}
        return {"run": self.run, "rows": self.rows, **owner}


def replaced_by(completed: Iterable[tuple[int, str]]) -> dict[int, int]:
    """By the number of each complete run the number of the one that replaced its data.

    Args:
        completed: number and id of all complete runs, oldest first. A run that repeats another one
            bears its id and replaces nothing.
    """
    found: dict[int, int] = {}
    current: list[int] = []
    shown = ""
    for number, run_id in completed:
        if run_id != shown:
            found |= dict.fromkeys(current, number)
            current, shown = [], run_id
        current.append(number)
    return found


def with_replaced(message: str, by: int | None) -> str:
    """What a list of runs says of one: its message, and which run replaced it, if one did."""
    return "; ".join(filter(None, (message, f"replaced by run {by}" if by is not None else "")))
