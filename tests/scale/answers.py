"""What simulated pods answer when the operator asks for their progress."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rowmill.plan.pod_contract import PORT
from rowmill.plan.pod_progress import PodProgress, TableProgress
from tests.scale.simulation import POD_ADDRESS

_BATCHES_PER_SECOND = 2
_ROWS_PER_SECOND = 100_000


class Answers(ThreadingHTTPServer):
    """A server that speaks for all simulated pods: of each, ever more batches are durable."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, table: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._table = table
        self._began = time.monotonic()
        self._held: bytes | None = None

    def hold(self) -> None:
        """Give from now on the same answer always: nothing changes any more."""
        self._held = self.answer()

    def answer(self) -> bytes:
        """The body of an answer as of now."""
        if self._held is not None:
            return self._held
        batches = 1 + int((time.monotonic() - self._began) * _BATCHES_PER_SECOND)
        table = TableProgress(self._table, batches, ((0, batches),))
        return PodProgress(batches, _ROWS_PER_SECOND, tables=(table,)).text()


@contextmanager
def answering(table: str) -> Iterator[Answers]:
    """Answer for the simulated pods, in this process's network, as long as the block lasts."""
    with Answers(table) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _redirect("--append", server.server_address[1])
        try:
            yield server
        finally:
            _redirect("--delete", server.server_address[1])
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        body = self.server.answer()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each of a thousand requests."""


def _redirect(verb: str, port: int) -> None:
    """Add or remove the way from the pods' address to the server: the port itself is taken."""
    rule = f"OUTPUT --destination {POD_ADDRESS} --protocol tcp --dport {PORT}"
    target = f"--jump REDIRECT --to-ports {port}"
    command = ["iptables", "--wait", "--table", "nat", verb, *rule.split(), *target.split()]
    subprocess.run(command, check=True)
