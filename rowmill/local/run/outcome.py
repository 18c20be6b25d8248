"""How a run on this machine ended well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rowmill.counting import counted
from rowmill.engine.verification import Verification
from rowmill.local.run.progress import Snapshot
from rowmill.plan.replacement import Replaced
from rowmill.plan.runs import Run


@dataclass(frozen=True)
class Outcome:
    """How a run ended well.

    `seconds` are wall time by phase, `workers` how many processes it had; the snapshot tells what
    they did, with their memory and processor time. Of a `repeat` nothing was done. `replaces` is
    the run whose data this one's has taken the place of, None if there was none. `verification` is
    what comparing the published data came to, None where the manifest asks for none.
    """

    run: Run
    repeat: bool
    resumed: bool
    workers: int
    seconds: Mapping[str, float]
    snapshot: Snapshot
    replaces: Replaced | None
    verification: Verification | None = None

    def __repr__(self) -> str:
        run = self.run
        took = "left as it was" if self.repeat else f"{self.seconds.get('total', 0.0):.1f} s"
        rows = counted(run.plan.rows, "row")
        return f"<Outcome: run {run.number} {run.state}, {rows}, {took}{self._verified}>"

    @property
    def _verified(self) -> str:
        if self.verification is None:
            return ""
        return ", identical" if self.verification.identical else ", differs"
