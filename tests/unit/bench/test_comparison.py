"""A comparison says how many times as much this tree takes as a commit, and what is too much."""

from __future__ import annotations

import pytest

from tests.bench import comparison
from tests.bench.env import Done

MIB = 2**20


def ended(cpu: float, peak: int) -> Done:
    workers = [
        {"cpuSeconds": cpu / 2, "peakBytes": peak * MIB},
        {"cpuSeconds": cpu / 2, "peakBytes": 0},
    ]
    return Done(2 * cpu, {"used": workers}, 0)


def test_processor_time_and_memory_are_held_against_the_base() -> None:
    base = [ended(10.0, 250)] * 2
    cpu, wall, peak = comparison.figures(1_000_000, [ended(10.2, 260)] * 2, base)
    assert (cpu.met, wall.met, peak.met) == (True, None, True)
    assert cpu.what.startswith("1 M rows")
    assert cpu.measured.startswith("1.02 times: 10.2 core-s")
    assert wall.measured.startswith("1.02 times: 20.4 s")
    assert peak.measured.startswith("1.04 times: 260 MiB")
    cpu, _, peak = comparison.figures(1_000_000, [ended(10.4, 290)] * 2, base)
    assert (cpu.met, peak.met) == (False, False)


def test_a_commit_that_the_history_lacks_cannot_be_measured() -> None:
    with pytest.raises(comparison.NoBase, match="no commit '0123456789abcdef'"):
        comparison.base_tree("0123456789abcdef", lambda text: None)
