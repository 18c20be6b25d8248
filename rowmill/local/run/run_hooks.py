"""Whom a run on this machine tells what, as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rowmill.destinations.patience import ReportWait, unreported
from rowmill.local.run.progress import Snapshot
from rowmill.worker.remaining import Durable
from rowmill.worker.start.prepared import Prepared


@dataclass(frozen=True)
class RunHooks:
    """What a run calls.

    `held` is called once no other run can begin, and may raise to begin none; `prepared` once the
    destinations took the run, with what is durable of it, None of a repeat, which is complete.
    `progress` is called with its state as that changes, at most a few times a second. `notice` is
    told, in a sentence, what the user should know, `wait` which server is waited for, and `death`
    which worker died, and how. `untold` is called where the ledger was not told how the run ended,
    and has it as it was.
    """

    held: Callable[[], None] = lambda: None
    prepared: Callable[[Prepared, Durable | None], None] = lambda prepared, durable: None
    progress: Callable[[Snapshot], None] = lambda snapshot: None
    notice: Callable[[str], None] = lambda text: None
    wait: ReportWait = unreported
    death: Callable[[int, str], None] = lambda worker, how: None
    untold: Callable[[], None] = lambda: None
