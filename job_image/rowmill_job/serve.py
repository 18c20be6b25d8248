"""The pod's one port: /progress for the operator, /metrics for Prometheus, /healthz."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST

from rowmill.plan.pod_contract import HEALTH_PATH, METRICS_PATH, PROGRESS_PATH
from rowmill_job.board import Board

Answer = tuple[str, Callable[[], bytes]]


def serve(board: Board, port: int) -> int:
    """Answer on `port` (0: any free one) until the process ends; returns the port."""
    answers: Mapping[str, Answer] = {
        PROGRESS_PATH: ("application/json", board.progress),
        METRICS_PATH: (CONTENT_TYPE_LATEST, board.scrape),
        HEALTH_PATH: ("text/plain", lambda: b"ok\n"),
    }
    server = _Server(("", port), _handler(answers))
    Thread(target=server.serve_forever, name="http", daemon=True).start()
    return int(server.server_address[1])


class _Server(ThreadingHTTPServer):
    """Listens on IPv4, and on IPv6 where there is one."""

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not HTTPServer's own, which asks the name service who we are and may wait for it.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.server_address[1]


def _handler(answers: Mapping[str, Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # A client that says nothing does not keep a thread for long.
        timeout = 10

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            if answer is None:
                self.send_error(404)
                return
            kind, make = answer
            body = make()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Polls are no news."""

    return Handler
