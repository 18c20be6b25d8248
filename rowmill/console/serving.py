"""Serve the console: the address, who may reach it, the server itself."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from rowmill.console.auth.origins import Reach, host_name, is_loopback, plain_name
from rowmill.console.connections import BoundedProtocol
from rowmill.errors import Invalid, Refused

PORT = 8470
_PORTS_TRIED = 100
_LAST_SECONDS = 3


@dataclass(frozen=True)
class Place:
    """Where a console is served; `port` None means the usual one, or the next that is free.

    `behind` is the name of a proxy that people reach it by, `names` are others of this machine.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    certificate: Path | None = None
    key: Path | None = None
    behind: str | None = None
    names: Sequence[str] = ()

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS itself."""
        return self.certificate is not None

    @property
    def secure(self) -> bool:
        """Whether people reach it by TLS, so that its cookie goes by nothing else."""
        return self.tls or (self.behind is not None and not is_loopback(self.behind))

    def check(self) -> None:
        """Raise Invalid where whoever is on the way could read what is sent, and so call."""
        if (self.certificate is None) != (self.key is None):
            raise Invalid("Usage", "--tls-certificate and --tls-key go together")
        if not is_loopback(self.host) and not self.tls and self.behind is None:
            raise Invalid(
                "Usage",
                f"{self.host} is reached from other machines: give --tls-certificate and "
                "--tls-key, or --behind-proxy HOST if a proxy in front of it speaks TLS",
            )
        for name in (*self.names, *([] if self.behind is None else [self.behind])):
            if host_name(name) != plain_name(name) or "/" in name:
                raise Invalid(
                    "Usage",
                    f"{name!r} is no name of a host: give it alone, such as "
                    "data.example.com, without scheme and port",
                )
        if self.certificate is not None and self.key is not None:
            _read_certificate(self.certificate, self.key)

    @property
    def reach(self) -> Reach:
        """The names by which its calls come, beside the loopback ones."""
        given = (self.host, self.behind, *self.names)
        names = {plain_name(name) for name in given if name is not None}
        scheme = None if self.behind is not None else "https" if self.tls else "http"
        return Reach(frozenset(names), scheme)


def _read_certificate(certificate: Path, key: Path) -> None:
    """Raise Refused where the two files are none that a server can use."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:
        # An SSLError is one too, with the reason in a word of its own.
        why = getattr(error, "reason", None) or error.strerror or error
        raise Refused(
            "CertificateRefused",
            f"--tls-certificate {certificate} and --tls-key {key} cannot be used: {why}",
        ) from None


def bind(place: Place) -> socket.socket:
    """A listening socket at the place; raises Refused if there is none to be had."""
    first = PORT if place.port is None else place.port
    tried = range(first, first + (_PORTS_TRIED if place.port is None else 1))
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    refused: OSError | None = None
    for port in tried:
        server = socket.socket(family)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((place.host, port))
            server.listen(128)
        except OSError as error:
            server.close()
            refused = error
        else:
            return server
    why = refused.strerror if refused is not None else "no port was tried"
    raise Refused("PortRefused", f"{place.host}:{first} cannot be listened at: {why}")


def serve(app: FastAPI, place: Place, listening: socket.socket, begun: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; `begun` is called once calls are answered."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=place.certificate,
        ssl_keyfile=place.key,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # Ctrl-C is how it ends, and no fault.
    with suppress(KeyboardInterrupt):
        _Server(config, begun).run(sockets=[listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, begun: Callable[[], None]) -> None:
        super().__init__(config)
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As of uvicorn, and tell of it."""
        await super().startup(sockets)
        self._begun()


def address(place: Place, listening: socket.socket) -> str:
    """The address that a person opens."""
    scheme = "https" if place.tls else "http"
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"{scheme}://{host}:{listening.getsockname()[1]}/"
