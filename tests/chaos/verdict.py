"""What a round of faults came to, wherever it ran: what must never happen, and its counts."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rowmill.engine.verification import Kind
from tests.chaos.experiment import ChaosExperiment


class Seeded(Protocol):
    """A schedule, known by its seed."""

    @property
    def seed(self) -> int: ...


@dataclass
class Verdict:
    """`violations` holds what must never happen, `sights` what readers saw of a part of a run."""

    seconds: float = field(default=0.0, init=False)
    lost: int = field(default=0, init=False)
    doubled: int = field(default=0, init=False)
    looks: int = field(default=0, init=False)
    sights: list[str] = field(default_factory=list, init=False)
    violations: list[str] = field(default_factory=list, init=False)

    @property
    def passed(self) -> bool:
        return not (self.lost or self.doubled or self.sights or self.violations)

    def verify(self, experiment: ChaosExperiment) -> None:
        """Recompute every row, and count what is lost or doubled."""
        report = experiment.load().verify()
        found = [each for table in report.tables for each in table.comparisons]
        self.lost = sum(each.counts.get(Kind.LOST, 0) for each in found)
        self.doubled = sum(each.counts.get(Kind.DOUBLED, 0) for each in found)
        if not report.identical:
            self.violations.append(f"verify found differences: {report.to_json()}")


def report(played: Sequence[tuple[Seeded, Verdict]], dealt: int) -> int:
    """Print what all rounds came to, of which so many faults hit; the exit code."""
    verdicts = [verdict for _, verdict in played]
    failed = [schedule for schedule, verdict in played if not verdict.passed]
    seconds = statistics.median(verdict.seconds for verdict in verdicts)
    print(
        f"rows lost: {sum(v.lost for v in verdicts)}, "
        f"rows doubled: {sum(v.doubled for v in verdicts)}, "
        f"readers that saw a part of a run: {sum(bool(v.sights) for v in verdicts)} "
        f"(of {sum(v.looks for v in verdicts)} looks); "
        f"faults that hit: {dealt}; "
        f"median of a schedule: {seconds:.1f} s"
    )
    if failed:
        print("failed seeds:", ", ".join(str(schedule.seed) for schedule in failed))
    print(f"{len(played) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0
