"""A small TCP proxy before the S3 server that cuts, slows or answers for it, when told to."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from enum import StrEnum

_CHUNK = 65_536


class ProxyFault(StrEnum):
    """What the proxy does to traffic until it is told otherwise."""

    NONE = "none"
    CUT = "cut"
    SLOW = "slow"
    ERROR_500 = "500"
    ERROR_503 = "503"


_ANSWERS = {
    ProxyFault.ERROR_500: (b"500 Internal Server Error", b"InternalError"),
    ProxyFault.ERROR_503: (b"503 Service Unavailable", b"SlowDown"),
}


class FaultProxy:
    """Listens on loopback and passes everything on to `upstream`, a loopback (host, port)."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.fault = ProxyFault.NONE
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut_all(self) -> None:
        """Reset every connection that is open now."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._upstream, timeout=10)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self._lock:
            self._open |= {client, server}
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server, answering=True)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, *, answering: bool = False) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                fault = self.fault
                if fault is ProxyFault.CUT:
                    break
                if fault is ProxyFault.SLOW:
                    time.sleep(0.05)
                if answering and fault in _ANSWERS:
                    self._answer(source, fault)
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _answer(self, client: socket.socket, fault: ProxyFault) -> None:
        status, code = _ANSWERS[fault]
        body = b"<?xml version='1.0'?><Error><Code>" + code + b"</Code></Error>"
        head = b"HTTP/1.1 " + status + b"\r\nContent-Type: application/xml\r\n"
        length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        client.sendall(head + length + body)
