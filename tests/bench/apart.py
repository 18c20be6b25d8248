"""The wall with cores apart: servers on one core, workers on the other, against bare streams so.

On cores that both share, what the workers take is taken from the servers, and the wall tells of
both. Here it tells what a run adds to the servers' work, and what waits. The bare streams send the
same bytes in as many transactions, which do not wait for the disk either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from tests.bench.bare import Ready, encode, send
from tests.bench.cores import Cores, NoCores, cores_apart, started_on
from tests.bench.env import Env, env
from tests.bench.figures import Figure, Samples, ratio_figure
from tests.bench.loading import warm_up
from tests.bench.watching import Watched, told, watched

RUNS = 7
MOST_ALONE = 1.05
MOST_BOTH = 1.15
_PHASE = re.compile(r"run \d+ (\w+)")
_LOADING = "loading"


@dataclass(frozen=True)
class Load:
    """First batch to last durable one in seconds, the workers' core-seconds, and what went on."""

    seconds: float
    cpu_seconds: float
    watched: Watched

    @property
    def told(self) -> str:
        return told(self.watched, self.seconds, self.cpu_seconds)


@dataclass
class Pair:
    """Runs into some destinations, and bare streams into the same, round by round."""

    bare: list[Load] = field(default_factory=list)
    run: list[Load] = field(default_factory=list)


@dataclass
class Rounds:
    """The judged rounds of both pairs, and one more in which Postgres was asked what waits."""

    rows: int
    alone: Pair = field(default_factory=Pair)
    both: Pair = field(default_factory=Pair)
    asked: dict[str, Load] = field(default_factory=dict)


def measure(rows: int, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Take `runs` rounds on servers of their own; says in words why it cannot."""
    try:
        cores = cores_apart()
    except NoCores as error:
        return [Figure("the wall with cores apart", "reported", f"not measured: {error}")]
    with ExitStack() as stack:
        with started_on(cores.servers):
            servers = stack.enter_context(env())
        stack.enter_context(started_on(cores.workers))
        return figures(_rounds(servers, cores, rows, runs, say))


def _rounds(servers: Env, cores: Cores, rows: int, runs: int, say: Callable[[str], None]) -> Rounds:
    to_postgres = servers.manifest("wide-postgres", rows, ("postgres",))
    to_both = servers.manifest("wide-both", rows, ("postgres", "parquet"))
    warm_up(servers)
    say(f"encoding {rows:,} rows for the bare streams")
    ready = encode(to_both, servers.folder / "ready")
    # New servers make the files of their log, half as much work again, and use them anew later.
    _bare(servers, cores, ready, True, False)
    rounds = Rounds(rows)
    ways: list[tuple[str, list[Load], Callable[[bool], Load]]] = [
        ("bare COPY", rounds.alone.bare, partial(_bare, servers, cores, ready, False)),
        ("rowmill into Postgres", rounds.alone.run, partial(_run, servers, cores, to_postgres)),
        ("bare COPY and upload", rounds.both.bare, partial(_bare, servers, cores, ready, True)),
        ("rowmill into Postgres and S3", rounds.both.run, partial(_run, servers, cores, to_both)),
    ]
    for number in range(runs):
        say(f"round {number + 1} of {runs}, cores apart")
        for name, loads, take in ways if number % 2 == 0 else reversed(ways):
            loads.append(take(False))
            say(f"  {name:28} {_line(loads[-1])}")
    say("one more round, asking Postgres what waits")
    for name, _, take in ways:
        rounds.asked[name] = take(True)
        say(f"  {name:28} {_line(rounds.asked[name])}; {rounds.asked[name].told}")
    return rounds


def _bare(servers: Env, cores: Cores, ready: Ready, upload: bool, ask: bool) -> Load:
    seen = Watched()
    during = watched(servers, cores, seen, sample=ask)
    sent = send(servers, ready, upload=upload, wait_for_disk=False, during=during)
    return Load(sent.seconds, sent.cpu_seconds, seen)


def _run(servers: Env, cores: Cores, manifest: Path, ask: bool) -> Load:
    """One `rowmill run`, after the servers came to rest; its data is removed."""
    seen = Watched()
    servers.settle()
    with WhileLoading(watched(servers, cores, seen, sample=ask)) as loading:
        done = servers.rowmill("run", "-f", str(manifest), "--progress", "plain", hear=loading.hear)
    servers.delete(manifest)
    loaded = done.document["firstToLastBatch"]
    return Load(loaded["seconds"], loaded["cpuSeconds"], seen)


class WhileLoading:
    """Is in a block from a run's first line of progress that says `loading` to the next phase's."""

    def __init__(self, block: AbstractContextManager[None]) -> None:
        self._block: AbstractContextManager[None] | None = block
        self._entered = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._entered.close()

    def hear(self, line: str) -> None:
        """Take a line of the run's standard error."""
        phase = _PHASE.match(line)
        if phase is None:
            return
        if phase[1] != _LOADING:
            self._entered.close()
        elif self._block is not None:
            self._entered.enter_context(self._block)
            self._block = None


def figures(rounds: Rounds) -> list[Figure]:
    """The rows of the table that these rounds give."""
    millions = f"{rounds.rows / 1e6:g} M rows"
    return [
        *_pair(
            f"cores apart (servers on one, workers on the other): {millions} into Postgres alone, "
            "first batch to last durable one, against bare binary COPY of the same bytes in as "
            "many transactions",
            rounds.alone,
            MOST_ALONE,
        ),
        *_pair(
            "into Postgres and S3 together, cores apart, against that with a bare upload of the "
            "same Parquet beside it",
            rounds.both,
            MOST_BOTH,
        ),
        *(
            Figure(f"what waits, cores apart: {name}", "reported", load.told)
            for name, load in rounds.asked.items()
        ),
    ]


def _pair(what: str, pair: Pair, most: float) -> list[Figure]:
    """The wall and the servers' work for it; neighbours disturb the first of them above all."""
    return [
        ratio_figure(what, _seconds(pair.run), _seconds(pair.bare), most),
        ratio_figure(
            "the servers' CPU (user + system) for that",
            [load.watched.servers for load in pair.run],
            [load.watched.servers for load in pair.bare],
            most,
            "core-s",
        ),
        Figure(
            "others on the servers' core meanwhile (the kernel's writing, neighbours)",
            "reported",
            f"{_others(pair.run)} against {_others(pair.bare)}",
        ),
    ]


def _seconds(loads: Sequence[Load]) -> list[float]:
    return [load.seconds for load in loads]


def _others(loads: Sequence[Load]) -> str:
    return Samples.of([load.watched.others for load in loads]).text(1, "core-s")


def _line(load: Load) -> str:
    seen = load.watched
    return f"{load.seconds:6.1f} s  servers {seen.servers:5.1f}, others {seen.others:4.1f} core-s"
