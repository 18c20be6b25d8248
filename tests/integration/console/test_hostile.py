"""What no client of ours sends: it is refused, it hangs nobody, and it is no defect."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from rowmill.local.home.folder import Home
from tests.integration.console.calls import done
from tests.integration.console.conftest import Console

JSON = "Content-Type: application/json"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@pytest.fixture(scope="module")
def console(servers: object, home: Home) -> Iterator[Console]:
    found = Console(home)
    found.start()
    yield found
    found.end()


@pytest.fixture(autouse=True)
def still_well(console: Console) -> Iterator[None]:
    """After each test the console answers, and has noticed no defect."""
    yield
    done(console.client.get("/experiments"))
    assert "Traceback" not in "".join(console.said)


def call(
    console: Console,
    method: str,
    path: str | bytes,
    *headers: str | bytes,
    body: bytes = b"",
    version: str = "1.1",
    length: bool = True,
) -> bytes:
    """A call as it goes over the wire, with the token; `length` False says nothing of its body."""
    target = path if isinstance(path, bytes) else path.encode()
    token = console.client.headers["authorization"]
    said = [f"Content-Length: {len(body)}"] if length else []
    lines = [
        method.encode() + b" " + target + f" HTTP/{version}".encode(),
        *(b"Host: localhost", f"Authorization: {token}".encode()),
        *(each if isinstance(each, bytes) else each.encode() for each in (*headers, *said)),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def connected(console: Console) -> socket.socket:
    url = console.client.base_url
    return socket.create_connection((url.host, url.port or 0), timeout=60)


def answers(console: Console, sent: bytes) -> list[int]:
    """The statuses that come back until the server closes the connection.

    A connection that is cut is an answer too: none.
    """
    heard = b""
    with connected(console) as connection:
        try:
            connection.sendall(sent)
            while piece := connection.recv(65_536):
                heard += piece
        except ConnectionError:
            pass
    return [int(each) for each in _STATUS.findall(heard)]


LONG = "a" * 5_000
DEEP = b"[" * 100_000
PATHS = [
    *(f"/api/experiments/{name}" for name in ("%2F", "a%2Fb", "..", "%2e%2e", "%2e%2e%2fetc")),
    *(f"/api/experiments/{name}" for name in ("%00", "%ff%fe", "%ed%a0%80", "a%0d%0aX:y", LONG)),
    *(f"/api/experiments/nobody/runs/{run}" for run in ("%00", "-1", "1e400", "9" * 90)),
    *(f"/api/experiments/nobody/trace/x?key={key}" for key in ("%00", "9" * 5_000, "%ed%a0%80")),
    *(f"/api/experiments?{asked}" for asked in ("limit=1&limit=2000", "after=%00", "x=1&" * 9_000)),
    *(f"/api/{rest}" for rest in ("tickets/%00", "/experiments", "experiments/", "experiments#x")),
    *("*", "", "//", "/api", "http://other/api/experiments", "/api/experiments?search=" + LONG),
]


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_strange_paths_are_answered(console: Console, path: str) -> None:
    (status,) = answers(console, call(console, "GET", path, "Connection: close"))
    assert status in (200, 400, 404, 422)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "FOO", "get"])
def test_methods_that_no_path_has_are_refused(console: Console, method: str) -> None:
    for path in ("/api/experiments", "/api/experiments/nobody"):
        (status,) = answers(console, call(console, method, path, "Connection: close"))
        assert status in (400, 405)


def test_other_versions_and_calls_one_behind_the_other_are_answered(console: Console) -> None:
    first, last = ("GET", "/api/experiments"), "Connection: close"
    assert answers(console, call(console, *first, version="1.0")) == [200]
    assert answers(console, b"GET /api/experiments\r\n\r\n") == [421]
    assert answers(console, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == [400]
    one = call(console, "GET", "/api/experiments")
    assert answers(console, one * 20 + call(console, *first, last)) == [200] * 21


@pytest.mark.parametrize(
    "headers",
    [
        ["X-A: " + "a" * 3_000_000],
        ["X-A: a"] * 300_000,
        ["X-A: a\0b"],
        ["Authorization: Bearer \xff"],
        ["Cookie: =;;\xff=\xfe; rowmill=", "X-Rowmill-Session: \xff"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -1"],
        ["Content-Length: " + "9" * 30],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    ],
    ids=range(10),
)
def test_strange_heads_are_answered_or_cut(console: Console, headers: list[str]) -> None:
    sent = [each.encode("latin-1") for each in headers]
    close = [] if "Upgrade" in headers[0] else ["Connection: close"]
    got = answers(console, call(console, "GET", "/api/experiments", *sent, *close, length=False))
    assert all(status in (200, 400, 401) for status in got)


@pytest.mark.parametrize(
    "body",
    [
        *(DEEP, b'{"a":' * 50_000, b'{"sql":' + DEEP, b"\xff\xfe", b"", b"[]", b'{"sql":"\xff"}'),
        *(b'{"sql":"\\ud800"}', b'{"sql":"\\u0000"}', b'{"sql":"1","seconds":NaN}'),
        *(b'{"sql":"1","rows":' + b"9" * 5_000 + b"}", b'{"sql":"1","id":"\\ud800/.."}'),
    ],
    ids=range(12),
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/experiments/nobody/query"),
        ("PUT", "/api/experiments/nobody/queries/x"),
        ("POST", "/api/session"),
        ("POST", "/api/validate"),
        ("POST", "/api/experiments"),
    ],
)
def test_strange_bodies_are_refused(console: Console, method: str, path: str, body: bytes) -> None:
    (status,) = answers(console, call(console, method, path, JSON, "Connection: close", body=body))
    assert status in (400, 401, 404, 422)


def test_a_body_of_chunks_without_end_is_cut(console: Console) -> None:
    chunks = (b"10000\r\n" + b"a" * 0x10000 + b"\r\n") * 80
    for path in ("/api/validate", "/api/session", "/api/experiments/nobody/query"):
        headers = (JSON, "Transfer-Encoding: chunked", "Connection: close")
        got = answers(console, call(console, "POST", path, *headers, body=chunks, length=False))
        assert got in ([413], [])


@pytest.mark.parametrize(
    "path", ["/api/validate", "/api/session", "/api/experiments/nobody/query", "/api/experiments"]
)
def test_a_client_that_leaves_amid_its_body_is_no_defect(console: Console, path: str) -> None:
    for _ in range(3):
        with connected(console) as connection:
            connection.sendall(call(console, "POST", path, JSON, body=b"x" * 1_000)[:-500])
            time.sleep(0.1)


def test_bodies_that_come_a_byte_at_a_time_hold_up_nobody(console: Console) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(console)) for _ in range(150)]
        for connection in slow:
            connection.sendall(call(console, "POST", "/api/validate", body=b"x" * 1_000)[:-1_000])
        for _ in range(3):
            for connection in slow:
                connection.sendall(b"x")
            done(console.client.get("/experiments"))
            done(console.client.post("/validate", content="a: 1"), 422)


def test_many_sessions_leave_the_last_ones_open(console: Console) -> None:
    token = console.client.headers["authorization"].removeprefix("Bearer ")
    opened: list[httpx.Response] = []
    for _ in range(300):
        opened.append(console.client.post("/session", json={"token": token}))
        console.client.cookies.clear()
    assert {each.status_code for each in opened} == {201}

    def status(answer: httpx.Response) -> int:
        headers = {
            "X-Rowmill-Session": answer.json()["secret"],
            "Cookie": answer.headers["set-cookie"].partition(";")[0],
        }
        return httpx.get(f"{console.client.base_url}experiments", headers=headers).status_code

    assert (status(opened[0]), status(opened[-1])) == (401, 200)
