"""Rounds of bare COPY, Rowmill, bare COPY with upload, Rowmill with both, and verify, in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.bare import Sent, encode, send
from tests.bench.env import Done, Env
from tests.bench.figures import Figure, Samples, ratio_figure

RUNS = 5
MIB = 2**20
WORKER_BYTES = 300 * MIB
CPU_SECONDS_PER_MILLION = 0.50
ROWS_PER_SECOND = 400_000


@dataclass
class Rounds:
    """The measurements of all rounds."""

    rows: int
    bare_copy: list[Sent] = field(default_factory=list)
    bare_both: list[Sent] = field(default_factory=list)
    copy: list[Done] = field(default_factory=list)
    both: list[Done] = field(default_factory=list)
    verify: list[Done] = field(default_factory=list)


def measure(env: Env, rows: int, runs: int, say: Callable[[str], None]) -> Rounds:
    """Take `runs` rounds of `rows` rows; every other round goes the other way about."""
    to_postgres = env.manifest("wide-postgres", rows, ("postgres",))
    to_both = env.manifest("wide-both", rows, ("postgres", "parquet"))
    warm_up(env)
    say(f"encoding {rows:,} rows for the bare runs")
    ready = encode(to_both, env.folder / "ready")
    rounds = Rounds(rows)

    def bare_copy() -> None:
        rounds.bare_copy.append(send(env, ready, upload=False))
        say(f"  bare COPY                    {rounds.bare_copy[-1].seconds:6.1f} s")

    def bare_both() -> None:
        rounds.bare_both.append(send(env, ready, upload=True))
        say(f"  bare COPY and upload         {rounds.bare_both[-1].seconds:6.1f} s")

    def copy() -> None:
        rounds.copy.append(load(env, to_postgres))
        say(f"  rowmill into Postgres        {_first_to_last(rounds.copy[-1]):6.1f} s")
        env.delete(to_postgres)

    def both() -> None:
        rounds.both.append(load(env, to_both))
        say(f"  rowmill into Postgres and S3 {_first_to_last(rounds.both[-1]):6.1f} s")
        rounds.verify.append(env.rowmill("verify", "-f", str(to_both)))
        say(f"  rowmill verify               {rounds.verify[-1].seconds:6.1f} s")
        env.delete(to_both)

    steps = [bare_copy, copy, bare_both, both]
    for number in range(runs):
        say(f"round {number + 1} of {runs}")
        for step in steps if number % 2 == 0 else reversed(steps):
            step()
    return rounds


def warm_up(env: Env) -> None:
    """Let the first of all commands, which compiles modules and reads them from disk, be this."""
    few = env.manifest("warm-up", 1_000, ("postgres", "parquet"))
    load(env, few)
    env.rowmill("verify", "-f", str(few))
    env.delete(few)


def load(env: Env, manifest: Path) -> Done:
    """One `rowmill run`, after the servers came to rest."""
    env.settle()
    return env.rowmill("run", "-f", str(manifest), "--progress", "none")


def figures(rounds: Rounds) -> list[Figure]:
    """The rows of the table that these rounds give."""
    both = [done.document for done in rounds.both]
    cpu = Samples.of([loading_cpu_per_million(document) for document in both])
    start = Samples.of([start_cpu(document) for document in both])
    rates = Samples.of([rounds.rows / done.seconds for done in rounds.both])
    peak = Samples.of([peak_bytes(document) / MIB for document in both])
    loads = [done.document["seconds"]["load"] for done in rounds.both]
    verified = [done.seconds for done in rounds.verify]
    verify_peak = max(done.peak_bytes for done in rounds.verify) / MIB
    millions = f"{rounds.rows / 1e6:g} M rows"
    return [
        ratio_figure(
            f"{millions} x 10 columns into Postgres alone, first batch to last durable one, "
            "against a bare COPY of the same rows",
            [_first_to_last(done) for done in rounds.copy],
            [sent.seconds for sent in rounds.bare_copy],
            1.10,
        ),
        ratio_figure(
            "into Postgres and S3 together, against that bare COPY with a bare multipart upload "
            "of the ready parts beside it",
            [_first_to_last(done) for done in rounds.both],
            [sent.seconds for sent in rounds.bare_both],
            1.3,
        ),
        Figure(
            "worker CPU (user + system) for that, per million rows",
            f"at most {CPU_SECONDS_PER_MILLION:.2f} core-s",
            f"{cpu.text(2, 'core-s')}, start-up beside it: {start.text(1, 'core-s')} for both "
            f"workers; bare streams took {_bare_cpu(rounds):.2f} core-s per million rows",
            cpu.median <= CPU_SECONDS_PER_MILLION,
        ),
        _phases(both),
        Figure(
            "the whole command `rowmill run -f examples/wide.yaml`, servers up",
            f"at least {ROWS_PER_SECOND:,} rows/s",
            rates.text(0, "rows/s"),
            rates.median >= ROWS_PER_SECOND,
        ),
        Figure(
            f"peak memory (VmHWM) of a worker, {millions}",
            "under 300 MiB",
            peak.text(0, "MiB"),
            max(peak.values) * MIB < WORKER_BYTES,
        ),
        ratio_figure(f"`verify` of {millions}, against the load's time", verified, loads, 2.0),
        Figure(
            "peak memory (VmHWM) of `verify`",
            "under 300 MiB",
            f"{verify_peak:.0f} MiB",
            verify_peak * MIB < WORKER_BYTES,
        ),
    ]


def loading_cpu_per_million(document: dict[str, Any]) -> float:
    """Core-seconds of all workers per million rows, from first batch to last durable one."""
    return float(document["firstToLastBatch"]["cpuSeconds"] / document["rowsGenerated"] * 1e6)


def start_cpu(document: dict[str, Any]) -> float:
    """What all workers took outside the load: start-up above all, and finalize."""
    total = sum(worker["cpuSeconds"] for worker in document["used"])
    return float(total - document["firstToLastBatch"]["cpuSeconds"])


def peak_bytes(document: dict[str, Any]) -> int:
    """The highest VmHWM of a worker."""
    return int(max(worker["peakBytes"] for worker in document["used"]))


def _first_to_last(done: Done) -> float:
    seconds: float = done.document["firstToLastBatch"]["seconds"]
    return seconds


def _bare_cpu(rounds: Rounds) -> float:
    values = [sent.cpu_seconds for sent in rounds.bare_both]
    return Samples.of(values).median / rounds.rows * 1e6


def _phases(documents: list[dict[str, Any]]) -> Figure:
    """What lies beside the load: the command's seconds before the first batch and after the last.

    Start-up is prepare and the workers' start: until the first batch is begun.
    """
    seconds = [document["seconds"] for document in documents]
    start = Samples.of(
        [
            s["prepare"] + s["load"] - document["firstToLastBatch"]["seconds"]
            for s, document in zip(seconds, documents, strict=True)
        ]
    )
    finalize = Samples.of([s["finalize"] for s in seconds])
    publish = Samples.of([s["publish"] for s in seconds])
    return Figure(
        "start-up, finalize (primary key, ANALYZE, count) and publish, of both together",
        "reported",
        f"start-up {start.text()}, finalize {finalize.text()}, publish {publish.text(2)}",
    )
