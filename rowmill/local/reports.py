"""Whom an engine of this machine tells what its user should know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rowmill.destinations.patience import ReportWait, Wait, Waiting, unreported


@dataclass(frozen=True)
class Reports:
    """Whom an engine tells, while it works, what its user should know.

    `notice` takes a sentence, `wait` which server is waited for; `starting` is called before the
    embedded servers are started.
    """

    notice: Callable[[str], None] = lambda text: None
    wait: ReportWait = unreported
    starting: Callable[[], None] = lambda: None

    def telling(self, waiting: Callable[[str], None]) -> Reports:
        """The same, and `waiting` told besides what is waited for, whenever a try has failed."""

        def wait(wait: Wait) -> None:
            self.wait(wait)
            if isinstance(wait, Waiting):
                waiting(str(wait))

        return replace(self, wait=wait)
