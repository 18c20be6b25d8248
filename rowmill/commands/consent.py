"""Ask whoever sits at a terminal for what a run wants agreed to; a script is refused or goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from rowmill.engine.consent import Consent, WouldDrop, WouldReplace
from rowmill.errors import Conflict
from rowmill.terminal.prose import confirmed

Result = TypeVar("Result")


def consent_of(*, restart: bool) -> Consent:
    """What is agreed to before anybody is asked; `restart` is whether `--restart` was given.

    A script goes on where data is replaced, and `--restart` says that what is there may go.
    """
    return Consent(restart, frozenset() if _can_ask() and not restart else None)


def agreed(attempt: Callable[[Consent], Result], consent: Consent) -> Result:
    """Attempt a run until it needs no more consent; asks when the display has left the terminal.

    What stands there may be another run's once the question is answered: then it is asked anew.

    Raises:
        WouldDrop: nobody could be asked, or the answer was no.
        Conflict: the answer to what it would replace was no.
    """
    while True:
        try:
            return attempt(consent)
        except WouldDrop as error:
            if not _confirmed(f"{error}. Drop them and start over?"):
                raise
            consent = consent.restarting()
        except WouldReplace as error:
            if not _confirmed(f"{error}. Replace it?"):
                how = "answer yes, or add --restart, to replace it"
                raise Conflict(error.reason, f"{error}; nothing was changed ({how})") from None
            consent = consent.replacing(error.replaced)


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirmed(question: str) -> bool:
    return _can_ask() and confirmed(question)
