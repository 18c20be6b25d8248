"""Who watches goes on by himself whatever is killed; who leaves, or is slow, holds up nobody."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from threading import Thread
from typing import Any

import httpx
import psutil
import psycopg
import pytest
import yaml

from rowmill.local.home.folder import Home
from rowmill.local.records.run_log import log_file
from rowmill.local.servers.embedded import EmbeddedServers, down, up
from tests.integration.cli.commands import wait_until
from tests.integration.console.calls import YAML, done, events, numbers
from tests.integration.console.conftest import Console
from tests.integration.embedded_processes import postmaster_or_weed
from tests.integration.experiments import manifest
from tests.processes import has_ended, said

# Some seconds of one worker.
SOME = 1_500_000
# Not loaded by one worker before the test suspends it.
MANY = 60_000_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Of these tests alone, as its servers are killed."""
    found = Home(tmp_path_factory.mktemp("streams"))
    yield found
    down(found)


@pytest.fixture
def servers(home: Home) -> EmbeddedServers:
    return up(home)


@pytest.fixture
def console(servers: EmbeddedServers, home: Home) -> Iterator[Console]:
    """Always at the same address, as a page expects it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    found = Console(home, ("--port", str(port)))
    yield found
    found.end()


class Watcher(Thread):
    """Watches a run as the page does: what breaks off is asked for again, by the same token."""

    def __init__(self, api: httpx.Client, path: str) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._client = httpx.Client(base_url=api.base_url, headers=api.headers, timeout=60)
        self.heard: list[tuple[str, Any]] = []
        self.connections = 0
        self.start()

    def run(self) -> None:
        while "end" not in self.kinds:
            self.connections += 1
            try:
                for told in events(self._client, self._path):
                    self.heard.append(told)
            except httpx.TransportError:
                time.sleep(0.2)

    @property
    def kinds(self) -> Counter[str]:
        return Counter(kind for kind, _ in self.heard)

    @property
    def newest(self) -> dict[str, Any]:
        """The last progress."""
        return next((told for kind, told in reversed(self.heard) if kind == "progress"), {})

    def has_rows(self) -> bool:
        return bool(self.newest.get("rows"))

    def ended(self) -> tuple[str, int]:
        """The state and the rows of the run at its end."""
        self.join(300)
        kind, told = self.heard[-1]
        assert (kind, told) == ("end", {"reason": "RunEnded"})
        return self.newest["state"], self.newest["rows"]


def begin(api: httpx.Client, name: str, rows: int, **destinations: Any) -> str:
    """Begin run 1; the path of its events."""
    given = {"parquet": None, **destinations}
    document = manifest(name, tables=[numbers(rows)], **given)
    document["spec"]["batchRows"] = 20_000
    done(api.post("/experiments", content=yaml.safe_dump(document), headers=YAML), 201)
    return f"/experiments/{name}/runs/1/events"


def at_work(home: Home, name: str) -> list[psutil.Process]:
    """The supervisor of an experiment's run, which holds its log, and the workers."""
    log = str(log_file(home, name, 1))
    programs = [
        each
        for each, words in said(psutil.process_iter(), psutil.Process.cmdline)
        if any("rowmill" in word for word in words)
    ]
    found = [
        process
        for process, files in said(programs, psutil.Process.open_files)
        if log in [each.path for each in files]
    ]
    assert found
    return [*found, *(child for each in found for child in each.children(recursive=True))]


def stop(api: httpx.Client, name: str) -> None:
    done(api.post(f"/experiments/{name}/suspend"))
    wait_until(lambda: api.delete(f"/experiments/{name}").status_code == 200)


def stored(servers: EmbeddedServers, query: str) -> Any:
    server = servers.postgres
    with psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=server.dbname,
    ) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def asleep(servers: EmbeddedServers) -> int:
    """How many queries are amid their `pg_sleep(300)`."""
    active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
    return int(stored(servers, f"{active}'%pg_sleep(300)%' AND pid <> pg_backend_pid()"))


def test_watchers_go_on_in_a_console_that_was_started_again(name: str, console: Console) -> None:
    api = console.start()
    watcher = Watcher(api, begin(api, name, SOME))
    wait_until(watcher.has_rows)
    console.kill()
    again = console.start()
    assert watcher.ended() == ("COMPLETED", SOME)
    assert watcher.connections > 1
    done(again.delete(f"/experiments/{name}"))


def test_watchers_hear_of_a_killed_supervisor_and_then_of_the_run_s_end(
    name: str, console: Console, servers: EmbeddedServers, home: Home
) -> None:
    api = console.start()
    path = begin(api, name, SOME)
    watcher = Watcher(api, path)
    wait_until(watcher.has_rows)
    for process in at_work(home, name):
        # A worker ends with its supervisor.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert watcher.ended()[0] == "INTERRUPTED"
    done(api.post(f"/experiments/{name}/resume"))
    assert Watcher(api, path).ended() == ("COMPLETED", SOME)
    assert stored(servers, f"SELECT count(*) FROM {name}.numbers") == SOME
    done(api.delete(f"/experiments/{name}"))


@pytest.mark.parametrize(
    ("program", "rows", "destinations"),
    # What is in a bucket tells of itself every few seconds.
    [
        ("postgres", 4 * SOME, {}),
        ("weed", 16 * SOME, {"postgres": None, "parquet": {"prefix": "killed"}}),
    ],
)
def test_watchers_stay_connected_while_the_ledger_s_server_is_killed(
    name: str, console: Console, home: Home, program: str, rows: int, destinations: dict[str, Any]
) -> None:
    api = console.start()
    watcher = Watcher(api, begin(api, name, rows, **destinations))
    # In a bucket its rows may all be there before it tells of the first.
    wait_until(watcher.has_rows if program == "postgres" else lambda: bool(watcher.newest))
    killed = postmaster_or_weed(home, program)
    killed.kill()
    wait_until(lambda: has_ended(killed))
    assert watcher.is_alive(), watcher.heard
    wait_until(lambda: watcher.heard[-1][0] == "problem")
    assert watcher.heard[-1][1]["reason"] == "Waiting"
    up(home)
    assert watcher.ended() == ("COMPLETED", rows)
    assert watcher.connections == 1
    done(api.delete(f"/experiments/{name}"))


def test_all_watchers_of_a_run_take_one_set_of_backends(
    name: str, console: Console, servers: EmbeddedServers
) -> None:
    api = console.start()
    path = begin(api, name, MANY)

    def backends() -> int:
        pids = {each.laddr.port for each in psutil.Process(console.pid).net_connections("tcp")}
        asked = "SELECT count(*) FROM pg_stat_activity WHERE client_port = ANY (ARRAY[%s])"
        return int(stored(servers, asked % ",".join(map(str, pids or {0}))))

    first = Watcher(api, path)
    wait_until(first.has_rows)
    wait_until(lambda: backends() == 1)
    others = [Watcher(api, path) for _ in range(49)]
    wait_until(lambda: all(each.has_rows() for each in others))
    wait_until(lambda: backends() == 1)
    done(api.post(f"/experiments/{name}/suspend"))
    for each in (first, *others):
        assert each.ended()[0] == "SUSPENDED"
    wait_until(lambda: backends() == 0)
    wait_until(lambda: api.delete(f"/experiments/{name}").status_code == 200)


def test_connections_that_come_and_go_leave_nothing(name: str, console: Console) -> None:
    api = console.start()
    path = begin(api, name, MANY)
    process = psutil.Process(console.pid)
    done(api.get(f"/experiments/{name}"))

    def held() -> tuple[int, int]:
        # A call lets go of threads that had nothing to do for long.
        done(api.get(f"/experiments/{name}"))
        return process.num_threads(), process.num_fds()

    threads, files = held()
    for _ in range(4):
        with ExitStack() as stack:
            for number in range(50):
                asked = path if number % 2 else path.replace("events", "logs?follow=true")
                left = stack.enter_context(raw(api, asked))
                assert left.recv(15) == b"HTTP/1.1 200 OK"
    wait_until(lambda: held()[0] <= threads)
    wait_until(lambda: held()[1] <= files)
    stop(api, name)


def test_who_follows_a_silent_log_and_leaves_holds_up_nobody(name: str, console: Console) -> None:
    api = console.start()
    path = begin(api, name, MANY).replace("events", "logs?follow=true")
    with ExitStack() as stack:
        for _ in range(60):
            assert stack.enter_context(raw(api, path)).recv(15) == b"HTTP/1.1 200 OK"
        done(api.get(f"/experiments/{name}"))
    done(api.get(f"/experiments/{name}"))
    stop(api, name)


def test_who_reads_nothing_until_the_end_finds_it_and_holds_up_nobody(
    name: str, console: Console
) -> None:
    api = console.start()
    path = begin(api, name, SOME)
    with raw(api, path) as slow:
        assert Watcher(api, path).ended() == ("COMPLETED", SOME)
        heard = b""
        while not heard.endswith(b"0\r\n\r\n"):
            heard += slow.recv(65_536)
    assert heard.count(b"event: end") == 1
    last = heard[heard.rindex(b"event: progress") :]
    assert b'"state":"COMPLETED"' in last
    done(api.delete(f"/experiments/{name}"))


@pytest.mark.parametrize("kind", ["page", "csv"])
def test_who_leaves_takes_his_query_with_him(
    name: str, kind: str, console: Console, servers: EmbeddedServers
) -> None:
    api = console.start()
    list(events(api, begin(api, name, 100)))
    here = f"/experiments/{name}"
    question = {"sql": "SELECT pg_sleep(300)", "seconds": 600, "format": kind}

    def ask() -> None:
        if kind == "page":
            api.post(f"{here}/query", json=question, timeout=3)
        else:
            href = done(api.post(f"{here}/query", json=question), 201)["href"]
            api.get(href.removeprefix("/api"), timeout=3)

    def left() -> None:
        with pytest.raises(httpx.ReadTimeout):
            ask()

    asking = [Thread(target=left) for _ in range(5)]
    for each in asking:
        each.start()
    wait_until(lambda: asleep(servers) == 5)
    for each in asking:
        each.join()
    wait_until(lambda: asleep(servers) == 0)
    done(api.delete(here))


def test_a_csv_that_nobody_reads_on_ends_with_its_client(
    name: str, console: Console, servers: EmbeddedServers
) -> None:
    api = console.start()
    list(events(api, begin(api, name, 100)))
    here = f"/experiments/{name}"
    endless = {"sql": "SELECT repeat('x', 1000), generate_series(1, 1000000000)", "format": "csv"}
    href = done(api.post(f"{here}/query", json=endless), 201)["href"]

    def running() -> int:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%repeat(%'"
        return int(stored(servers, f"{asked} AND pid <> pg_backend_pid()"))

    with raw(api, href.removeprefix("/api")) as slow:
        assert slow.recv(15) == b"HTTP/1.1 200 OK"
        assert running() == 1
    wait_until(lambda: running() == 0)
    done(api.delete(here))


def test_who_leaves_amid_a_csv_takes_his_query_with_him_though_nothing_comes(
    name: str, console: Console, servers: EmbeddedServers
) -> None:
    api = console.start()
    list(events(api, begin(api, name, 100)))
    here = f"/experiments/{name}"
    # Enough at first that some is sent, and then nothing for long.
    silent = (
        "SELECT repeat('x', 1000), CASE WHEN g = 5000 THEN pg_sleep(300) END "
        "FROM generate_series(1, 5001) g"
    )
    question = {"sql": silent, "format": "csv"}
    href = done(api.post(f"{here}/query", json=question), 201)["href"]

    with raw(api, href.removeprefix("/api")) as client:
        taken = 0
        while taken < 4_000_000:
            taken += len(client.recv(2**20))
        assert asleep(servers) == 1
    wait_until(lambda: asleep(servers) == 0)
    done(api.delete(here))


def test_a_csv_ends_when_its_time_is_over_however_slowly_it_is_read(
    name: str, console: Console, servers: EmbeddedServers
) -> None:
    api = console.start()
    list(events(api, begin(api, name, 100)))
    here = f"/experiments/{name}"
    endless = "SELECT repeat('x', 1000), generate_series(1, 1000000000) FROM numbers"
    question = {"sql": endless, "format": "csv", "seconds": 1}
    href = done(api.post(f"{here}/query", json=question), 201)["href"]
    with raw(api, href.removeprefix("/api")) as slow:
        heard = b""
        while piece := slow.recv(2**20):
            heard = (heard + piece)[-10:]
    # Cut, as no whole answer is.
    assert not heard.endswith(b"0\r\n\r\n")
    done(api.delete(here))


def test_ctrl_c_ends_it_at_once_though_a_query_is_under_way(
    name: str, console: Console, servers: EmbeddedServers
) -> None:
    api = console.start()
    list(events(api, begin(api, name, 100)))
    question = {"sql": "SELECT pg_sleep(300)", "seconds": 600}

    def ask() -> None:
        with suppress(httpx.TransportError):
            api.post(f"/experiments/{name}/query", json=question)

    asking = Thread(target=ask)
    asking.start()
    wait_until(lambda: asleep(servers) == 1)
    # Its end is waited for, at most a minute.
    console.interrupted()
    asking.join()
    wait_until(lambda: asleep(servers) == 0)
    done(console.start().delete(f"/experiments/{name}"))


def raw(api: httpx.Client, path: str) -> socket.socket:
    """A connection on which a GET was sent; nothing is read of it but by the test."""
    found = socket.create_connection((api.base_url.host, api.base_url.port or 0), timeout=60)
    token = api.headers["authorization"]
    lines = (f"GET /api{path} HTTP/1.1", "Host: localhost", f"Authorization: {token}", "", "")
    found.sendall("\r\n".join(lines).encode())
    return found
