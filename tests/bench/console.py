"""What `rowmill console` takes: its list, rows made on the spot, CSV by ticket, many watchers.

A console as a user starts it, called by HTTP. Its thousand experiments are one tiny run, whose
record and memory are written a thousand times under other names.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import psutil

from rowmill.local.connections import find_connections
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.remembered import Remembered
from rowmill.local.servers.postgres import binaries
from rowmill.plan.run_source import SOURCE
from rowmill.plan.runs import Run
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Destinations, open_destinations
from tests.bench import on_demand
from tests.bench.env import Env, env, peak_bytes
from tests.bench.figures import Figure, Samples, ratio_figure
from tests.bench.progress import Thread, cpu_seconds, sessions_of

RUNS = 5
EXPERIMENTS = 1_000
PAGES = 20
WATCHERS = 50
MOST_LIST_MS = 100.0
MOST_CSV = 1.5
MOST_CSV_MIB = 200
MOST_WATCHED_PERCENT = 4.0
_SETTLED_SECONDS, _WATCHED_SECONDS = 10.0, 20.0
_SAMPLE_SECONDS = 0.5
# More than one worker makes while it is watched.
_WATCHED_ROWS = 100_000_000
_ADDRESS = re.compile(r"The API is at (\S+)api,")


@dataclass(frozen=True)
class Console:
    """A console that answers, and a script's client of it."""

    pid: int
    api: httpx.Client


@dataclass
class Downloads:
    """Seconds of the same rows, round by round, and the console's peak memory in bytes."""

    console: list[float] = field(default_factory=list)
    psql: list[float] = field(default_factory=list)
    peak: int = 0


def measure(rows: int, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """On servers of its own: `rows` of CSV in `runs` rounds, all else as often as it says."""
    with env() as servers:
        _remember_far(servers)
        say(f"  {EXPERIMENTS} experiments")
        _make_experiments(servers)
        table = servers.manifest("csv", rows, ("postgres",))
        servers.rowmill("run", "-f", str(table))
        with _console(servers) as console:
            figures = [_list(console, say), _rows(console, say)]
            downloads = _downloads(servers, console, runs, say)
            servers.delete(table)
            return [*figures, *csv_figures(rows, downloads), _watched(servers, console, say)]


def list_figure(first: float, milliseconds: Sequence[float]) -> Figure:
    """The row of the list's first page; `first` is the page for which each manifest is read."""
    pages = Samples.of(milliseconds)
    return Figure(
        f"`GET /api/experiments` of {EXPERIMENTS:,}, the first page of 100, by HTTP",
        f"under {MOST_LIST_MS:.0f} ms",
        f"{pages.text(0, 'ms')}; a new console's first {first:.0f} ms",
        pages.median < MOST_LIST_MS,
    )


def rows_figure(milliseconds: Sequence[float]) -> Figure:
    """The row of the pages of rows that exist nowhere."""
    pages = Samples.of(milliseconds)
    return Figure(
        f"`GET .../tables/{on_demand.TABLE}/rows`, {on_demand.LIMIT} at offset "
        f"{on_demand.OFFSET:,} of {on_demand.ROWS:,}, by HTTP, warm",
        f"under {on_demand.MOST_MS:.0f} ms",
        pages.text(1, "ms"),
        pages.median < on_demand.MOST_MS,
    )


def csv_figures(rows: int, downloads: Downloads) -> list[Figure]:
    """The time of CSV by ticket against psql's, and the console's memory."""
    peak = downloads.peak / 2**20
    return [
        ratio_figure(
            f"CSV of {rows / 1e6:g} M rows by ticket, against psql's \\copy of the same query",
            downloads.console,
            downloads.psql,
            MOST_CSV,
        ),
        Figure(
            "peak memory (VmHWM) of the console meanwhile",
            f"under {MOST_CSV_MIB} MiB",
            f"{peak:.0f} MiB",
            peak < MOST_CSV_MIB,
        ),
    ]


def watched_figure(core_seconds: float, seconds: float, events: int) -> Figure:
    """What many watchers of one run take: core-seconds in so many seconds, and their events."""
    percent = 100 * core_seconds / seconds
    return Figure(
        f"CPU of the console and its sessions in Postgres while {WATCHERS} clients watch one run, "
        f"after the first {_SETTLED_SECONDS:.0f} s, of one core",
        f"under {MOST_WATCHED_PERCENT:g} %",
        f"{percent:.1f} % in {seconds:.0f} s, {events / WATCHERS / seconds:.1f} events/s a client",
        percent < MOST_WATCHED_PERCENT,
    )


def _remember_far(servers: Env) -> None:
    """An experiment that has not run: its rows are made from its manifest."""
    home = Home(servers.folder)
    remembered.keep(home, Remembered("far", on_demand.MANIFEST, None, None, {}))


def _make_experiments(servers: Env) -> None:
    manifest = servers.manifest("listed", 100, ("postgres",))
    servers.rowmill("run", "-f", str(manifest))
    home = Home(servers.folder)
    known = remembered.recall(home, "listed")
    assert known is not None
    spec = load_spec(manifest)
    with closing(open_destinations(spec, find_connections(spec, {}, home))) as there:
        run = there.ledger.runs.of(there.owner)[-1]
        for number in range(EXPERIMENTS - 2):
            name = f"listed-{number:04}"
            text = known.manifest.replace("name: listed\n", f"name: {name}\n")
            _record(there, run, name, text)
            remembered.keep(home, replace(known, name=name, manifest=text))
            remembered.keep_data_version(home, name, run.plan.data_version)


def _record(there: Destinations, run: Run, name: str, manifest: str) -> None:
    """Record a run as one of another experiment's."""
    uid, owner = uuid.uuid4().hex, f"{run.owner.rpartition('/')[0]}/{name}"
    source = {**run.summary[SOURCE], "manifest": manifest}
    there.ledger.runs.claim(owner, uid)
    there.ledger.runs.create(
        replace(
            run,
            id=uid[:12],
            owner=owner,
            uid=uid,
            summary={**run.summary, SOURCE: source},
        )
    )


@contextmanager
def _console(servers: Env) -> Iterator[Console]:
    process = servers.start("console")
    try:
        found = None
        while found is None:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError(f"the console ended: {process.communicate()}")
            found = _ADDRESS.search(line)
        token = (servers.folder / "console" / "token").read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"{found[1]}api", headers=headers, timeout=120) as api:
            yield Console(process.pid, api)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def _list(console: Console, say: Callable[[str], None]) -> Figure:
    taken = [_milliseconds(console, "/experiments", items=100) for _ in range(PAGES + 1)]
    then = Samples.of(taken[1:]).text(0, "ms")
    say(f"  a page of experiments: first {taken[0]:.0f} ms, then {then}")
    return list_figure(taken[0], taken[1:])


def _rows(console: Console, say: Callable[[str], None]) -> Figure:
    path = f"/experiments/far/tables/{on_demand.TABLE}/rows"
    taken = []
    for number in range(PAGES + 1):
        offset = on_demand.OFFSET + number * on_demand.LIMIT
        asked = f"{path}?offset={offset}&limit={on_demand.LIMIT}"
        taken.append(_milliseconds(console, asked, rows=on_demand.LIMIT))
    say(f"  a page of rows: first {taken[0]:.0f} ms, then {Samples.of(taken[1:]).text(1, 'ms')}")
    return rows_figure(taken[1:])


def _milliseconds(console: Console, path: str, **counts: int) -> float:
    """How long a call takes whose answer has lists of so many."""
    began = time.perf_counter()
    answer = console.api.get(path)
    taken = (time.perf_counter() - began) * 1e3
    document = answer.raise_for_status().json()
    assert {name: len(document[name]) for name in counts} == counts
    return taken


def _downloads(servers: Env, console: Console, runs: int, say: Callable[[str], None]) -> Downloads:
    found = Downloads()
    # From here on the kernel counts the console's peak anew.
    Path(f"/proc/{console.pid}/clear_refs").write_text("5", encoding="ascii")
    sides = [("console", _by_ticket, found.console), ("psql", _by_psql, found.psql)]
    # The first of each reads what the server does not hold yet.
    for number in range(runs + 1):
        for name, download, taken in sides if number % 2 == 0 else reversed(sides):
            seconds = download(servers, console)
            if number:
                taken.append(seconds)
                say(f"  CSV, round {number} of {runs}: {name:8} {seconds:5.1f} s")
    found.peak = peak_bytes(console.pid)
    return found


def _by_ticket(servers: Env, console: Console) -> float:
    curl = shutil.which("curl")
    if curl is None:
        raise RuntimeError("this part of the benchmark needs curl")
    began = time.monotonic()
    asked = {"sql": "SELECT * FROM events", "format": "csv"}
    answer = console.api.post("/experiments/csv/query", json=asked).raise_for_status()
    url = console.api.base_url.join(answer.json()["href"])
    subprocess.run([curl, "--silent", "--fail", "--output", "/dev/null", str(url)], check=True)
    return time.monotonic() - began


def _by_psql(servers: Env, console: Console) -> float:
    began = time.monotonic()
    copy = "\\copy (SELECT * FROM csv.events) TO '/dev/null' (FORMAT csv, HEADER)"
    command = [str(binaries() / "psql"), "--quiet", "--no-psqlrc", "--command", copy]
    subprocess.run(command, check=True, env={**servers.environment(), **servers.exports})
    return time.monotonic() - began


def _watched(servers: Env, console: Console, say: Callable[[str], None]) -> Figure:
    manifest = servers.manifest("watched", _WATCHED_ROWS, ("postgres",))
    process = servers.start("run", "-f", str(manifest), "--workers", "1", "--progress=none")
    try:
        path = "/experiments/watched/runs/newest"
        while console.api.get(path).status_code != httpx.codes.OK:
            if process.poll() is not None:
                raise RuntimeError(f"no run began: {process.communicate()}")
            time.sleep(_SAMPLE_SECONDS)
        figure = asyncio.run(_watch(servers, console))
        say(f"  {WATCHERS} watchers: {figure.measured}")
        if process.poll() is not None:
            raise RuntimeError(f"the run ended while it was watched: {process.communicate()}")
        console.api.post("/experiments/watched/abort").raise_for_status()
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.communicate()
    return figure


async def _watch(servers: Env, console: Console) -> Figure:
    """Have clients look at the run as a page does that is opened, and stay; what they take then."""
    heard = [0] * WATCHERS
    clients = [asyncio.create_task(_client(console, heard, each)) for each in range(WATCHERS)]
    try:
        await asyncio.sleep(_SETTLED_SECONDS)
        before = sum(heard)
        began = time.monotonic()
        taken = await asyncio.to_thread(_core_seconds, servers, console)
        seconds = time.monotonic() - began
        events = sum(heard) - before
        left = [each.exception() for each in clients if each.done()]
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    if left:
        raise RuntimeError(f"{len(left)} watchers did not stay: {left[0]!r}")
    if not all(heard):
        raise RuntimeError(f"{heard.count(0)} watchers heard nothing")
    return watched_figure(taken, seconds, events)


async def _client(console: Console, heard: list[int], number: int) -> None:
    here, api = "/experiments/watched", console.api
    # Connections of its own, as a browser has: one from a pool may be about to be closed as idle.
    async with httpx.AsyncClient(
        base_url=api.base_url, headers=api.headers, timeout=120, verify=False
    ) as page:
        for path in (here, f"{here}/runs", f"{here}/runs/newest"):
            (await page.get(path)).raise_for_status()
        async with page.stream("GET", f"{here}/runs/newest/events") as events:
            async for line in events.aiter_lines():
                heard[number] += line.startswith("event: progress")


def _core_seconds(servers: Env, console: Console) -> float:
    """Core-seconds of the console, what it started, and its sessions, in a while."""
    process = psutil.Process(console.pid)
    first: dict[Thread, float] = {}
    last: dict[Thread, float] = {}
    sessions: set[int] = set()
    until = time.monotonic() + _WATCHED_SECONDS
    with servers.connect() as connection:
        while time.monotonic() < until:
            sessions |= sessions_of(connection, process)
            started = (each.pid for each in process.children(recursive=True))
            now: dict[Thread, float] = {}
            for pid in (console.pid, *started, *sessions):
                now |= cpu_seconds(pid)
            # One that came meanwhile has taken all it has since.
            first |= {thread: 0.0 if last else now[thread] for thread in now.keys() - first.keys()}
            last |= now
            time.sleep(_SAMPLE_SECONDS)
    if not sessions:
        raise RuntimeError("no session of the console was seen, though it watches a run")
    return sum(last.values()) - sum(first.values())
