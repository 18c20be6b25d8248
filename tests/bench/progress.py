"""What others see of a run: how far behind it is, how soon a death is said, and what it costs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from unittest import mock

import psutil
import psycopg

from rowmill.local.connections import find_connections
from rowmill.local.home.folder import Home
from rowmill.plan.runs import UNFINISHED, Run
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Destinations, open_destinations
from rowmill.worker.reading import abandoned, told
from rowmill.worker.remaining import rows_durable
from tests.bench.env import Env
from tests.bench.figures import Figure, Samples

RUNS = 5
# Seconds, by where the ledger is.
MOST_BEHIND = {"postgres": 5.0, "parquet": 10.0}
MOST_UNSAID = {"postgres": 5.0, "parquet": 40.0}
_PLACES = {"postgres": "Postgres", "parquet": "a bucket"}
# Of the workers' processor time.
MOST_PERCENT = 1.0
_COST = "the CPU of the supervisor and of its sessions for telling how far it is"
_LOOK_SECONDS = 0.25
_SAMPLE_SECONDS = 0.1
# A supervisor's own.
_SESSIONS = 2
_WITHOUT = "tests.bench.without_progress"


@dataclass(frozen=True)
class Look:
    """What was seen at one moment: durable rows by the ledger, and by the supervisor's word.

    `told` is None while he has told nothing.
    """

    at: float
    durable: int
    told: int | None


@dataclass(frozen=True)
class Cost:
    """Core-seconds of a run: of its supervisor and the sessions that he has, and of its workers."""

    supervisor: float
    workers: float


@dataclass
class Costs:
    """Runs in which the supervisor told how far he is, and runs in which he did not."""

    telling: list[Cost] = field(default_factory=list)
    silent: list[Cost] = field(default_factory=list)

    @property
    def percents(self) -> list[float]:
        """What it cost, round by round, of the workers' core-seconds."""
        pairs = zip(self.telling, self.silent, strict=True)
        return [100 * (a.supervisor - b.supervisor) / a.workers for a, b in pairs]


def measure(servers: Env, rows: int, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Look at one run of `rows` for each ledger, kill it, and take `runs` rounds of the cost."""
    figures = []
    for ledger, place in _PLACES.items():
        manifest = servers.manifest(f"seen-{ledger}", rows, (ledger,))
        looks, unsaid = _watched(servers, manifest, ledger)
        seconds = behind(looks)
        say(f"  {place}: at most {seconds:.1f} s behind, death said after {unsaid:.1f} s")
        servers.delete(manifest)
        figures += [
            _most(
                f"a live run's progress against a ledger in {place}", seconds, MOST_BEHIND[ledger]
            ),
            _most(
                f"INTERRUPTED is said after the supervisor's kill -9, ledger in {place}, as seen "
                "from another machine",
                unsaid,
                MOST_UNSAID[ledger],
            ),
        ]
    if sys.platform != "linux":
        why = "only Linux tells a thread's processor time to less than a hundredth of a second"
        return [*figures, Figure(_COST, "reported", f"not measured: {why}")]
    return [*figures, cost_figure(rows, _costs(servers, rows, runs, say))]


def behind(looks: Sequence[Look]) -> float:
    """The most seconds for which the ledger had held more rows than were told.

    Before anything is told none are.
    """
    return max(behind_at(looks), default=0.0)


def behind_at(looks: Sequence[Look]) -> list[float]:
    """For how many seconds the ledger had held more rows than were told, at each look."""
    found = []
    for number, look in enumerate(looks):
        more = (each.at for each in looks[:number] if each.durable > (look.told or 0))
        found.append(look.at - next(more, look.at))
    return found


def cost_figure(rows: int, costs: Costs) -> Figure:
    """The cost of telling, as the median of the rounds."""
    percents = Samples.of(costs.percents)
    telling = Samples.of([cost.supervisor for cost in costs.telling])
    silent = Samples.of([cost.supervisor for cost in costs.silent])
    workers = median(cost.workers for cost in costs.telling)
    return Figure(
        f"{_COST}, {rows / 1e6:g} M rows into Postgres, less without, of the workers' CPU",
        f"at most {MOST_PERCENT:g} %",
        f"{percents.text(2, '%')}: {telling.text(3, 'core-s')} against "
        f"{silent.text(3, 'core-s')}, workers {workers:.1f} core-s",
        percents.median <= MOST_PERCENT,
    )


def _most(what: str, seconds: float, most: float) -> Figure:
    return Figure(what, f"at most {most:g} s", f"{seconds:.1f} s", seconds <= most)


def _watched(servers: Env, manifest: Path, ledger: str) -> tuple[list[Look], float]:
    """Look at a run until half its rows are durable, and kill its supervisor."""
    process = servers.start("run", "-f", str(manifest), "--progress=none")
    looks: list[Look] = []
    with _ended(process), closing(_destinations(servers, manifest)) as there:
        run = _run(there, process)
        while not looks or looks[-1].durable < run.plan.rows // 2:
            looks.append(_look(run, there))
            time.sleep(_LOOK_SECONDS)
            if process.poll() is not None:
                raise RuntimeError(f"the run ended before it was seen: {process.communicate()}")
        process.send_signal(signal.SIGKILL)
        died = time.monotonic()
        process.wait()
        # Another machine cannot ask whether the process lives.
        with mock.patch.object(socket, "gethostname", return_value="elsewhere"):
            while not _is_interrupted(run, there):
                time.sleep(_LOOK_SECONDS)
    return looks, time.monotonic() - died


def _destinations(servers: Env, manifest: Path) -> Destinations:
    spec = load_spec(manifest)
    return open_destinations(spec, find_connections(spec, {}, Home(servers.folder)))


def _run(there: Destinations, process: subprocess.Popen[str]) -> Run:
    while process.poll() is None:
        if there.ledger.found() and (runs := there.ledger.runs.of(there.owner)):
            return runs[-1]
        time.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"no run began: {process.communicate()}")


def _look(run: Run, there: Destinations) -> Look:
    said = told(run, there.ledger)
    # After it: what is durable by then is told too late, if anything is.
    durable = sum(rows_durable(run.plan, there.durable(run)).values())
    rows = None if said is None else sum(said.live.rows.values())
    return Look(time.monotonic(), durable, rows)


def _is_interrupted(run: Run, there: Destinations) -> bool:
    """Whether a run is said to be, which may have come further since it was read."""
    now = there.ledger.runs.find(run.id)
    if now is None or now.state not in UNFINISHED:
        raise RuntimeError("the run ended before its supervisor was killed: it takes more rows")
    return abandoned(now, there.ledger)


def _costs(servers: Env, rows: int, runs: int, say: Callable[[str], None]) -> Costs:
    manifest = servers.manifest("told", rows, ("postgres",))
    costs = Costs()
    sides = [("telling", "rowmill", costs.telling), ("silent", _WITHOUT, costs.silent)]
    for number in range(runs):
        say(f"round {number + 1} of {runs}, what telling costs")
        for name, module, taken in sides if number % 2 == 0 else reversed(sides):
            taken.append(_cost(servers, manifest, module))
            say(f"  {name:8} {taken[-1].supervisor:6.2f} of {taken[-1].workers:6.1f} core-s")
            servers.delete(manifest)
    return costs


def _cost(servers: Env, manifest: Path, module: str) -> Cost:
    servers.settle()
    words = ("run", "-f", str(manifest), "--progress=none", "-o", "json")
    process = servers.start(*words, module=module)
    with _ended(process):
        taken = _sampled(servers, process)
        out, err = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"rowmill run: {process.returncode}\n{out}{err}")
    workers = json.loads(out)["used"]
    return Cost(taken, sum(worker["cpuSeconds"] for worker in workers))


def _sampled(servers: Env, process: subprocess.Popen[str]) -> float:
    """Core-seconds of a supervisor and of his sessions, from when he has both of these on.

    One holds the experiment, the other is the watch's, with whom the load begins: what is before is
    Python's start and the same in all runs, but never quite.
    """
    supervisor, sessions = psutil.Process(process.pid), set[int]()
    first: dict[Thread, float] = {}
    last: dict[Thread, float] = {}
    with servers.connect() as connection:
        while process.poll() is None:
            sessions |= sessions_of(connection, supervisor)
            if len(sessions) >= _SESSIONS:
                for pid in (process.pid, *sessions):
                    last |= cpu_seconds(pid)
                first = first or dict(last)
            time.sleep(_SAMPLE_SECONDS)
    return sum(last.values()) - sum(first.values())


# A thread by its process and its own id.
Thread = tuple[int, int]


def cpu_seconds(pid: int) -> dict[Thread, float]:
    """Core-seconds so far of each thread of a process, to a nanosecond; {} of an ended one."""
    found = {}
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            nanoseconds = (task / "schedstat").read_text("ascii").split()[0]
            found[pid, int(task.name)] = int(nanoseconds) / 1e9
    return found


def sessions_of(connection: psycopg.Connection, client: psutil.Process) -> set[int]:
    """The processes of Postgres that serve this one, and none of those that it started."""
    try:
        ports = [each.laddr.port for each in client.net_connections("tcp") if each.raddr]
    except psutil.Error:
        return set()
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE client_port = ANY(%s)", (ports,)
    ).fetchall()
    return {row[0] for row in rows}


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Leave no command behind, however the block ends."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
