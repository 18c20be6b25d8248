"""What goes on while a load runs: the servers' processor time, whose core it was, what waits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from rowmill.local.servers.process import processes
from tests.bench.cores import Cores
from tests.bench.env import Env

_SAMPLE_SECONDS = 0.05
_SESSIONS = (
    "SELECT pid, state, coalesce(wait_event, ''), query ~* '^\\s*COPY ' FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
# Words for what sessions wait for; every other event of Postgres goes by its own name.
ON_CORE = "at work or waiting for the core"
FOR_BYTES = "waiting for the next bytes (ClientRead)"
BETWEEN = "between two statements"
_LEAST_SHARE = 0.01


class Session(NamedTuple):
    """A session of Postgres at one moment, as pg_stat_activity tells it."""

    pid: int
    state: str | None
    wait: str
    copies: bool


@dataclass
class Watched:
    """Core-seconds of the servers, and of their core whoever used it; samples of the sessions."""

    postgres: float = 0.0
    s3: float = 0.0
    core: float = 0.0
    samples: list[list[Session]] = field(default_factory=list)

    @property
    def servers(self) -> float:
        """Core-seconds of both servers."""
        return self.postgres + self.s3

    @property
    def others(self) -> float:
        """Core-seconds that neither server took of the servers' core: the kernel, neighbours."""
        return max(0.0, self.core - self.servers)


@contextmanager
def watched(env: Env, cores: Cores, into: Watched, *, sample: bool) -> Iterator[None]:
    """Count into `into` what goes on in the block; `sample` asks Postgres often what waits."""
    before = _counters(env, cores)
    with _sampled(env, into) if sample else nullcontext():
        yield
    after = _counters(env, cores)
    into.postgres, into.s3, into.core = (
        late - early for early, late in zip(before, after, strict=True)
    )


def waits(samples: Sequence[Sequence[Session]]) -> dict[str, float]:
    """Shares of the copying sessions' time, the largest first, from their first COPY to the last.

    A session copies if any sample of it does; what others do is left out.
    """
    during = [
        number for number, sample in enumerate(samples) if any(each.copies for each in sample)
    ]
    if not during:
        return {}
    copying = {each.pid for sample in samples for each in sample if each.copies}
    seen = Counter(
        _word(each)
        for sample in samples[during[0] : during[-1] + 1]
        for each in sample
        if each.pid in copying
    )
    return {word: count / seen.total() for word, count in seen.most_common()}


def told(watched: Watched, seconds: float, cpu_seconds: float) -> str:
    """How busy servers and workers were and what the copying sessions did.

    Args:
        watched: what went on in these seconds.
        seconds: from the first batch to the last durable one.
        cpu_seconds: core-seconds of all workers in them.
    """

    def busy(core_seconds: float) -> str:
        return f"{100 * core_seconds / seconds:.0f} %"

    shares = [
        f"{100 * share:.0f} % {word}"
        for word, share in waits(watched.samples).items()
        if share >= _LEAST_SHARE
    ]
    return (
        f"of their core Postgres took {busy(watched.postgres)}, S3 {busy(watched.s3)}; of theirs "
        f"the workers {busy(cpu_seconds)}; the copying sessions were "
        + (", ".join(shares) or "not seen")
    )


def _word(session: Session) -> str:
    if session.state != "active":
        return BETWEEN
    if not session.wait:
        return ON_CORE
    return FOR_BYTES if session.wait == "ClientRead" else session.wait


@contextmanager
def _sampled(env: Env, into: Watched) -> Iterator[None]:
    ended = threading.Event()

    def sample() -> None:
        with env.connect() as connection:
            while not ended.wait(_SAMPLE_SECONDS):
                rows = connection.execute(_SESSIONS).fetchall()
                into.samples.append([Session(*row) for row in rows])

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _counters(env: Env, cores: Cores) -> tuple[float, float, float]:
    """Core-seconds so far of Postgres, of S3 and of their core."""
    return (
        _cpu_seconds(_leader("postgres", env.token)),
        _cpu_seconds(_leader("weed", env.token)),
        _busy_seconds(cores.servers),
    )


def _cpu_seconds(leader: psutil.Process) -> float:
    """Core-seconds so far of a server's processes, those that ended among them included.

    An ended one's are its parent's once that has waited for it, which may happen while this reads.
    """
    while True:
        before = leader.cpu_times()
        total = before.user + before.system + before.children_user + before.children_system
        for child in leader.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                # One that just ended can still be read, as a zombie.
                times = child.cpu_times()
                total += times.user + times.system
        after = leader.cpu_times()
        waited = before.children_user + before.children_system
        if waited == after.children_user + after.children_system:
            return total


def _leader(program: str, token: str) -> psutil.Process:
    """The process that started all others of a server."""
    found = {each.process.pid: each.process for each in processes(program, token)}
    return next(process for process in found.values() if process.ppid() not in found)


def _busy_seconds(core: int) -> float:
    times = psutil.cpu_times(percpu=True)[core]
    return times.user + times.nice + times.system + times.irq + times.softirq
