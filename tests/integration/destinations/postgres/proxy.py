"""A proxy before Postgres that loses the answer to a statement, or delivers a statement late."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType


class LossyProxy:
    """Forwards connections; each `lose_answer_to` cuts one connection, once.

    `logins` are what clients said as they logged in. With `own_process_id` it tells clients a
    process id of its own, as a connection pooler does.
    """

    def __init__(self, host: str, port: int, *, own_process_id: bool = False) -> None:
        self._upstream = (host, port)
        self._own_process_id = own_process_id
        self._doomed: bytes | None = None
        self._held_back: dict[bytes, float] = {}
        self.logins: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def lose_answer_to(self, statement: bytes) -> None:
        """The next message that ends in this statement arrives, but its answer does not."""
        self._doomed = statement + b"\0"

    def hold_back(self, statement: bytes, seconds: float) -> None:
        """Every message with these words arrives so much later."""
        self._held_back[statement] = seconds

    def __enter__(self) -> LossyProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._upstream)
            silent = threading.Event()
            for source, sink, to_server in ((client, server, True), (server, client, False)):
                arguments = (source, sink, silent, to_server)
                threading.Thread(target=self._forward, args=arguments, daemon=True).start()

    def _forward(
        self, source: socket.socket, sink: socket.socket, silent: threading.Event, to_server: bool
    ) -> None:
        try:
            while data := source.recv(1 << 16):
                if to_server:
                    self.logins += [data] if b"user\0" in data else []
                    held = (late for words, late in self._held_back.items() if words in data)
                    time.sleep(max(held, default=0.0))
                if to_server and self._doomed is not None and data.endswith(self._doomed):
                    self._doomed = None
                    silent.set()
                elif not to_server and silent.is_set():
                    break
                if self._own_process_id and not to_server:
                    data = _with_process_id(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                # Closing alone would not wake the other direction's thread.
                end.shutdown(socket.SHUT_RDWR)


def _with_process_id(data: bytes) -> bytes:
    """The answer to a login, with another process id in its BackendKeyData."""
    place = data.find(b"K\0\0\0\x0c")
    if place < 0:
        return data
    return data[: place + 5] + (7).to_bytes(4, "big") + data[place + 9 :]
