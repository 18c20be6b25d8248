"""Five times the rows: the same CPU per row and the same memory, undisturbed and killed at half."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from rowmill.local.planning import plan_for
from rowmill.plan.layout import TableLayout
from rowmill.spec.load import load_spec
from tests.bench.env import Env
from tests.bench.figures import Figure
from tests.bench.loading import (
    MIB,
    load,
    loading_cpu_per_million,
    peak_bytes,
    start_cpu,
)

TIMES = 5
MOST = 1.05
MEMORY_MARGIN = 0.10
WORKERS = 2
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Killed:
    """What was durable and spent when the run was killed: `cpu_seconds` is of all its workers."""

    copied_rows: int
    cpu_seconds: float


@dataclass(frozen=True)
class Large:
    """The documents of the runs and what the kill left."""

    rows: int
    small: list[dict[str, Any]]
    whole: dict[str, Any]
    killed: Killed
    resumed: dict[str, Any]
    part_rows: int


def measure(env: Env, rows: int, small: list[dict[str, Any]], say: Callable[[str], None]) -> Large:
    """Load 5 x `rows` undisturbed, then again, killed at half and resumed.

    Args:
        small: the documents of runs of `rows` rows, if they were measured already.
    """
    both = ("postgres", "parquet")
    if not small:
        say(f"{rows:,} rows")
        few = env.manifest("wide-both", rows, both)
        small = [load(env, few).document]
        env.delete(few)
    many = env.manifest("wide-large", TIMES * rows, both)
    plan = plan_for(load_spec(many), workers=WORKERS, batch_rows=None)
    say(f"{TIMES * rows:,} rows")
    whole = load(env, many).document
    env.delete(many)
    say(f"{TIMES * rows:,} rows, killed at half")
    killed = _killed_at(env, many, TIMES * rows // 2, plan.tables[0])
    say(f"  killed with {killed.copied_rows:,} rows copied; resuming")
    resumed = env.rowmill("run", "-f", str(many), "--resume", "--progress", "none").document
    env.delete(many)
    return Large(TIMES * rows, small, whole, killed, resumed, plan.tables[0].part_rows)


def figures(large: Large) -> list[Figure]:
    """The rows of the table that these runs give."""
    name = f"{large.rows / 1e6:g} M rows"
    few = median(map(loading_cpu_per_million, large.small))
    few_peak = median(map(peak_bytes, large.small)) / MIB
    many, many_peak = loading_cpu_per_million(large.whole), peak_bytes(large.whole) / MIB
    again = large.resumed["rowsGenerated"] - (large.rows - large.killed.copied_rows)
    undisturbed = large.whole["firstToLastBatch"]["cpuSeconds"] + start_cpu(large.whole)
    after = sum(worker["cpuSeconds"] for worker in large.resumed["used"])
    spent = large.killed.cpu_seconds + after
    # A resume starts its workers a second time, which is no work done again.
    start = start_cpu(large.resumed)
    return [
        Figure(
            f"{name}: worker CPU per million rows against {large.rows / TIMES / 1e6:g} M",
            f"at most {MOST} times",
            f"{many / few:.2f} times: {many:.2f} against {few:.2f} core-s",
            many <= MOST * few,
        ),
        Figure(
            f"peak memory (VmHWM) of a worker, {name}",
            "under 300 MiB, within 10 % of the smaller run",
            f"{many_peak:.0f} MiB against {few_peak:.0f} MiB",
            many_peak < 300 and many_peak <= (1 + MEMORY_MARGIN) * few_peak,
        ),
        Figure(
            f"{name} killed (SIGKILL of everything) at half and resumed: rows made again",
            f"at most one part a worker ({WORKERS * large.part_rows:,} rows)",
            f"{again:,} rows, killed with {large.killed.copied_rows:,} copied",
            0 <= again <= WORKERS * large.part_rows,
        ),
        Figure(
            "worker CPU of both halves against an undisturbed run's",
            f"at most {MOST} times",
            f"{(spent - start) / undisturbed:.2f} times: {spent - start:.1f} against "
            f"{undisturbed:.1f} core-s, and {start:.1f} core-s for the second start of the workers",
            spent - start <= MOST * undisturbed,
        ),
    ]


def _killed_at(env: Env, manifest: Path, rows: int, layout: TableLayout) -> Killed:
    """Start a run and kill all of it once `rows` rows are copied."""
    process = env.start("run", "-f", str(manifest), "--progress", "none")
    with env.connect() as connection:

        def copied() -> int:
            there = connection.execute("SELECT to_regclass('rowmill.batches')").fetchone()
            if there == (None,):
                return 0
            batches = connection.execute("SELECT batch FROM rowmill.batches").fetchall()
            return sum(layout.batch(batch).rows for (batch,) in batches)

        while copied() < rows:
            if process.poll() is not None:
                raise RuntimeError(f"the run ended before it was killed: {process.communicate()}")
            time.sleep(_POLL_SECONDS)
        cpu = _kill(process)
        return Killed(copied(), cpu)


def _kill(process: subprocess.Popen[str]) -> float:
    """Stop all workers at once, read their CPU, and kill them and their supervisor."""
    leader = psutil.Process(process.pid)
    below = leader.children(recursive=True)
    os.killpg(process.pid, signal.SIGSTOP)
    # Workers are forks of the command's own process.
    workers = [each for each in below if each.cmdline() == leader.cmdline()]
    cpu = sum(sum(each.cpu_times()[:2]) for each in workers)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for each in below:
        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            each.wait(10)
    if len(workers) != WORKERS:
        raise RuntimeError(f"{WORKERS} workers were expected, {len(workers)} found")
    return cpu
