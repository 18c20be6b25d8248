"""A proxy in front of a real S3 that does to chosen requests what a real one seldom does."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Matches = Callable[[str, str], bool]


@dataclass
class Fault:
    """What happens to the next `times` requests whose method and path match.

    `answer` is (status, S3 code) instead of the server's; `cut` closes the connection before the
    request reaches the server, `lose` after it did and before the answer; `shorten` sends half of
    the answer's body.
    """

    matches: Matches
    times: int = 1
    answer: tuple[int, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    lose: bool = False
    shorten: bool = False


class FaultProxy:
    """Its `endpoint` answers as the server behind it, but for the `faults`."""

    def __init__(self, upstream: str) -> None:
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[FaultProxy]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.seen.append((method, path))
            for fault in self.faults:
                if fault.times > 0 and fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        try:
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _handler(proxy) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = proxy.fault_for(self.command, self.path)
                if fault is not None and fault.cut:
                    return self._hang_up()
                if fault is not None and fault.answer is not None:
                    return self._refuse(*fault.answer, fault.headers)
                headers = dict(self.headers.items())
                status, answered, data = proxy.forward(self.command, self.path, headers, body)
                if fault is not None and fault.lose:
                    return self._hang_up()
                self._answer(status, answered, data, short=fault is not None and fault.shorten)
                return None

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815

            def _hang_up(self) -> None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def _refuse(self, status: int, code: str, headers: dict[str, str]) -> None:
                text = f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode()
                self._answer(status, [("Content-Type", "application/xml"), *headers.items()], text)

            def _answer(
                self, status: int, headers: list[tuple[str, str]], data: bytes, short: bool = False
            ) -> None:
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                head = self.command == "HEAD"
                sizes = [value for name, value in headers if name.lower() == "content-length"]
                self.send_header("Content-Length", sizes[0] if head and sizes else str(len(data)))
                self.end_headers()
                if not head:
                    self.wfile.write(data[: len(data) // 2] if short else data)
                if short:
                    self._hang_up()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def puts(method: str, path: str) -> bool:
    """Whether a request writes an object."""
    return method == "PUT"
