"""What whoever asks for a run is to agree to first: work that is dropped, data that is replaced."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rowmill.counting import counted
from rowmill.errors import Conflict


@dataclass(frozen=True)
class Consent:
    """What may go for the next run.

    `restart`: the work of an unfinished run. `replaced` are ids of the published runs that one of
    fewer rows may replace; None: all of them.
    """

    restart: bool = False
    replaced: frozenset[str] | None = None

    def restarting(self) -> Consent:
        """The unfinished work may go, whatever that replaces."""
        return replace(self, restart=True, replaced=None)

    def replacing(self, run: str) -> Consent:
        """A run of fewer rows may replace the published one of this id, too."""
        return replace(self, replaced=(self.replaced or frozenset()) | {run})


class WouldDrop(Conflict):
    """The work of an unfinished run would be dropped; `message` says what, and how it goes on."""


class WouldReplace(Conflict):
    """A run of fewer rows would replace the published one, whose id is `replaced`."""

    def __init__(self, reason: str, message: str, replaced: str) -> None:
        self.replaced = replaced
        super().__init__(reason, message)


def unfinished_run(what: str, rows: int, *, more: str = "", instead: str) -> WouldDrop:
    """Why a rerun does not drop what is unfinished by itself.

    Args:
        what: which run it is, and its state, such as `run 2 is SUSPENDED`.
        rows: that are durable of it.
        more: what would be replaced besides, after a comma, or "".
        instead: what to do instead, with its command.
    """
    return WouldDrop(
        "UnfinishedRun",
        f"{what} and {would_be_dropped(rows)}{more}; {instead}, or add --restart to drop "
        f"{dropped(rows)}",
    )


def would_be_dropped(rows: int) -> str:
    """What goes with an unfinished run that holds so many durable rows, if any."""
    if not rows:
        return "holds no rows yet; it would be dropped"
    return f"holds {counted(rows, 'row')} that would be dropped"


def dropped(rows: int) -> str:
    """What `would_be_dropped` speaks of, once it has been named."""
    return "them" if rows else "it"
