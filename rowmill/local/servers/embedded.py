"""The embedded servers of one machine: bring them up, take them down, tell where they are."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rowmill.local.home import disk_reserve
from rowmill.local.home.folder import Home, make_private, write_private
from rowmill.local.servers import postgres as embedded_postgres
from rowmill.local.servers import s3 as embedded_s3
from rowmill.local.servers.postgres import PostgresServer
from rowmill.local.servers.process import (
    EmbeddedServerError,
    free_ports,
    marked,
    port_is_free,
    wait_until,
)
from rowmill.local.servers.s3 import S3Server

__all__ = [
    "BUCKET",
    "EmbeddedServerError",
    "EmbeddedServers",
    "PostgresServer",
    "S3Server",
    "down",
    "exports",
    "reader_exports",
    "running",
    "up",
]

BUCKET = "rowmill"
# sun_path holds 108 bytes, of which the name of the socket itself takes 17.
_SOCKET_DIR_BYTES = 90
# A server that was killed lets go of its ports a moment after it can no longer be found.
_PORT_SECONDS = 1.0
# So often are they started where another program takes a port in the meantime.
_TRIES = 3
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class EmbeddedServers:
    """The two embedded servers, both ready."""

    postgres: PostgresServer
    s3: S3Server


def up(home: Home, starting: Callable[[], None] = lambda: None) -> EmbeddedServers:
    """Start what of the two servers does not run, and return when both answer.

    `starting` is called before one is started.

    Safe to call from several processes at once: one starts them, the others wait for it.

    Raises:
        EmbeddedServerError: a server does not start, or the home cannot be used.
    """
    servers = _complete(home) or _started(home, starting)
    disk_reserve.set_aside(home)
    return servers


def down(home: Home, see_idle: Callable[[], None] = lambda: None) -> bool:
    """Stop both servers and wait until they are gone; return whether any ran.

    A run is known to be alive before it asks for the servers. So once they are said to be not
    ready, `see_idle` sees each run that has found them ready, and later ones wait here.

    Args:
        see_idle: raises if somebody needs them, who then keeps them.

    Raises:
        EmbeddedServerError: a server does not end.
    """
    if _read(home) is None:
        return False
    with _explained(home), _exclusive(home):
        record = _read(home)
        if record is None:
            return False
        ran = _alive(record) != (False, False)
        with _full_disk_passed():
            _write(home, replace(record, ready=False))
        try:
            see_idle()
        except BaseException:
            with _full_disk_passed():
                _write(home, record)
            raise
        embedded_postgres.stop_postgres(record.token)
        embedded_s3.stop_s3(record.token)
        _remove_foreign_sockets(home, record)
        return ran


def running(home: Home) -> EmbeddedServers | None:
    """Return the servers if both are up and ready; start nothing."""
    record = _read(home)
    if record is None or not record.ready or _alive(record) != (True, True):
        return None
    return record.servers()


def exports(servers: EmbeddedServers) -> dict[str, str]:
    """Return the standard environment variables that lead psql and any S3 tool to the servers."""
    return {**servers.postgres.exports(), **servers.s3.exports()}


def reader_exports(servers: EmbeddedServers) -> dict[str, str]:
    """Return the keys by which a secret names the login that runs a person's queries."""
    return servers.postgres.reader_exports()


def _complete(home: Home) -> EmbeddedServers | None:
    """Return the servers if both are up and know all logins: an older home has no reader."""
    servers = running(home)
    return servers if servers is not None and servers.postgres.reader_password else None


def _started(home: Home, starting: Callable[[], None]) -> EmbeddedServers:
    with _explained(home), _exclusive(home):
        servers = _complete(home)
        if servers is not None:
            return servers
        starting()
        return _on_free_ports(home)


def _on_free_ports(home: Home) -> EmbeddedServers:
    """Start them, on other ports where another program takes one before they have it."""
    for left in reversed(range(_TRIES)):
        known = _read(home)
        record = _prepared(home, (known or _Record.new()).with_reader())
        try:
            return _start(home, known, record)
        except EmbeddedServerError:
            if not left or not _ports_are_taken(record):
                raise
    raise AssertionError("the last try returns or raises")


def _start(home: Home, known: _Record | None, record: _Record) -> EmbeddedServers:
    beginning = replace(record, ready=False)
    # Whoever frees a full disk by `reset` or `delete` needs the servers.
    recorded = known is not None and replace(known, ready=False) == beginning
    with _full_disk_passed(recorded):
        _write(home, beginning)
    servers = record.servers()
    make_private(home.logs)
    # The slower one first, so that it gets ready while Postgres does.
    launched = embedded_s3.launch(home, servers.s3, record.s3_ports, record.token)
    embedded_postgres.start(home, servers.postgres, record.token)
    embedded_s3.start(home, servers.s3, record.s3_ports, record.token, launched=launched)
    with _full_disk_passed(recorded):
        _write(home, replace(record, ready=True))
    return servers


@dataclass(frozen=True)
class _Record:
    """What the home remembers of its servers; `token` marks their processes as this home's."""

    token: str
    ready: bool
    socket_dir: str
    postgres_port: int
    s3_ports: list[int]
    access_key: str
    postgres_password: str = field(repr=False)
    secret_key: str = field(repr=False)
    # Empty in a home that no version with this login has started yet.
    reader_password: str = field(default="", repr=False)

    @classmethod
    def new(cls) -> _Record:
        return cls(
            token=f"rowmill-{secrets.token_hex(6)}",
            ready=False,
            socket_dir="",
            postgres_port=0,
            s3_ports=[],
            access_key=secrets.token_hex(10),
            postgres_password=secrets.token_urlsafe(24),
            secret_key=secrets.token_urlsafe(30),
        )

    def with_reader(self) -> _Record:
        """Return the record with a password for the login that only reads."""
        return replace(self, reader_password=self.reader_password or secrets.token_urlsafe(24))

    def servers(self) -> EmbeddedServers:
        return EmbeddedServers(
            PostgresServer(
                host="127.0.0.1",
                port=self.postgres_port,
                user=embedded_postgres.USER,
                password=self.postgres_password,
                dbname=embedded_postgres.DATABASE,
                socket_dir=self.socket_dir,
                reader_password=self.reader_password,
            ),
            S3Server(
                endpoint=f"http://127.0.0.1:{self.s3_ports[0]}",
                access_key=self.access_key,
                secret_key=self.secret_key,
                region=embedded_s3.REGION,
                bucket=BUCKET,
            ),
        )


def _prepared(home: Home, record: _Record) -> _Record:
    """Return the record with ports and a socket folder that a start can use.

    A port that somebody else took while the server was down is chosen anew.
    """
    postgres_lives, s3_lives = _alive(record)
    if not postgres_lives:
        if not (record.postgres_port and _is_free(record.postgres_port)):
            record = replace(record, postgres_port=free_ports(1)[0])
        if not Path(record.socket_dir).is_dir() or not record.socket_dir:
            record = replace(record, socket_dir=_socket_dir(home))
    if not s3_lives and not (record.s3_ports and _s3_is_free(record.s3_ports)):
        record = replace(record, s3_ports=embedded_s3.choose_ports())
    return record


def _ports_are_taken(record: _Record) -> bool:
    """Whether a server that does not live has ports that somebody else has by now."""
    postgres_lives, s3_lives = _alive(record)
    if not postgres_lives and not port_is_free(record.postgres_port):
        return True
    return not s3_lives and not embedded_s3.are_free(record.s3_ports)


def _is_free(port: int) -> bool:
    return wait_until(lambda: port_is_free(port), _PORT_SECONDS)


def _s3_is_free(ports: Sequence[int]) -> bool:
    return wait_until(lambda: embedded_s3.are_free(ports), _PORT_SECONDS)


def _socket_dir(home: Home) -> str:
    """Return a folder whose path fits into a socket's address and a connection string."""
    path = str(home.sockets)
    if len(os.fsencode(path)) <= _SOCKET_DIR_BYTES and "," not in path:
        return path
    return tempfile.mkdtemp(prefix="rowmill-", dir="/tmp")


def _remove_foreign_sockets(home: Home, record: _Record) -> None:
    """Remove the socket folder that lies outside a home of too long a path."""
    folder = Path(record.socket_dir)
    if record.socket_dir and folder != home.sockets:
        shutil.rmtree(folder, ignore_errors=True)


def _alive(record: _Record) -> tuple[bool, bool]:
    """Return whether the processes of Postgres and of S3 live."""
    # One look through all processes of the machine for both.
    found = marked(record.token)
    return embedded_postgres.is_among(found), embedded_s3.is_among(found)


@contextlib.contextmanager
def _exclusive(home: Home) -> Iterator[None]:
    """Hold the home's lock, which the operating system frees even if this process is killed."""
    make_private(home.path)
    with os.fdopen(os.open(home.lock_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _explained(home: Home) -> Iterator[None]:
    """Turn what the operating system refuses under the home into an error for the reader."""
    try:
        yield
    except OSError as error:
        raise EmbeddedServerError(
            f"ROWMILL_HOME ({home.path}) cannot be used: {error.strerror}"
            f"{f' ({error.filename})' if error.filename else ''}. It must be a folder of yours "
            "with free disk space; ROWMILL_HOME=FOLDER names another."
        ) from error


@contextlib.contextmanager
def _full_disk_passed(passed: bool = True) -> Iterator[None]:
    """Go on where the disk has no room for the record, if `passed`: what the file holds will do.

    A wrong `ready` costs no more than another look or a refused connection.
    """
    try:
        yield
    except OSError as error:
        if not (passed and error.errno in _FULL):
            raise


def _read(home: Home) -> _Record | None:
    with _explained(home):
        try:
            text = home.servers_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
    try:
        known = json.loads(text)
        # By name: a later version may write more.
        return _Record(
            **{name: known[name] for name in _Record.__dataclass_fields__ if name in known}
        )
    except (ValueError, TypeError):
        raise EmbeddedServerError(
            f"{home.servers_file} is damaged. Run `rowmill down` with the version of rowmill that "
            "wrote it if you changed versions; else end `postgres` and `weed` of this folder by "
            "hand. Then delete the file: the data stays and gets new credentials."
        ) from None


def _write(home: Home, record: _Record) -> None:
    write_private(home.servers_file, json.dumps(asdict(record), indent=1) + "\n")
