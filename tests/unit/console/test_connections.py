"""Who may connect can fill no memory, and hold no connection, before it is known who he is."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from rowmill.console import connections as module
from rowmill.console.connections import MOST_HEAD, BoundedProtocol


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with how many bytes of a body came."""
    if scope["type"] == "lifespan":
        return
    came, more = 0, True
    while more:
        message = await receive()
        came += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(came).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with served(echo) as found:
        yield found


@contextmanager
def served(app: ASGIApp) -> Iterator[tuple[str, int]]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=BoundedProtocol, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=60) as found:
        yield found


def answer(connection: socket.socket, sent: bytes) -> bytes:
    """What comes until the server closes; a reset is such a close."""
    heard = b""
    try:
        connection.sendall(sent)
        while piece := connection.recv(65_536):
            heard += piece
    except ConnectionError:
        pass
    return heard


def call(*headers: bytes, body: bytes = b"") -> bytes:
    lines = [b"POST / HTTP/1.1", b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


LAST = b"Connection: close"


def test_calls_of_usual_size_are_heard_one_after_the_other(address: tuple[str, int]) -> None:
    large = b"X-A: " + b"a" * (MOST_HEAD // 2)
    body = b"b" * 2_000_000
    with connected(address) as connection:
        heard = answer(connection, call(large, body=body) * 3 + call(LAST, large, body=b"last"))
    assert heard.count(b"\r\n\r\n2000000") == 3
    assert heard.endswith(b"\r\n\r\n4")


@pytest.mark.parametrize("header", [b"X-A: " + b"a" * 4_000_000, b"X-A: a\r\n" * 500_000])
def test_a_head_without_end_is_cut(address: tuple[str, int], header: bytes) -> None:
    with connected(address) as connection:
        assert b" 200 " not in answer(connection, call(header, LAST))
    with connected(address) as connection:
        assert answer(connection, call(LAST)).endswith(b"0")


@pytest.mark.parametrize("begun", [b"", b"GET / HT", call(body=b"12345")[:-1]])
def test_a_call_that_does_not_come_holds_no_connection(
    address: tuple[str, int], begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.1)
    with connected(address) as connection:
        assert b" 200 " not in answer(connection, begun)


def test_who_pauses_between_two_calls_keeps_his_connection(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.1)
    with connected(address) as connection:
        connection.sendall(call(body=b"1"))
        assert connection.recv(65_536).endswith(b"1")
        threading.Event().wait(0.3)
        assert answer(connection, call(LAST)).endswith(b"0")


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without an end, until it is known that nobody listens."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    listening = asyncio.ensure_future(receive())
    while not listening.done() or listening.result()["type"] == "http.request":
        if listening.done():
            listening = asyncio.ensure_future(receive())
        await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        # To a client who has left it waits for nothing.
        await asyncio.sleep(0)
    LEFT.set()


LEFT = threading.Event()


def test_who_takes_nothing_of_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNREAD_SECONDS", 0.2)
    LEFT.clear()
    with served(endless) as address, connected(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert LEFT.wait(60)


def test_who_takes_it_slowly_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNREAD_SECONDS", 0.5)
    LEFT.clear()
    with served(endless) as address, connected(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        until, taken = time.monotonic() + 2.0, 0
        while time.monotonic() < until:
            taken += len(connection.recv(2**20))
            time.sleep(0.05)
        assert not LEFT.is_set()
        assert taken > 2**20
