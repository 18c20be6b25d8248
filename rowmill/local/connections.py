"""Where one machine finds the destinations of a spec: embedded servers, secrets, environment."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path

from rowmill.destinations.credentials import (
    READER_KEYS,
    EnvironmentCredentials,
    FileCredentials,
    KnownCredentials,
    ReadingCredentials,
)
from rowmill.errors import Unavailable
from rowmill.local.home.folder import Home
from rowmill.local.servers import embedded
from rowmill.local.servers.embedded import EmbeddedServers
from rowmill.spec.dataset import ParquetTarget, PostgresTarget, Spec
from rowmill.spec.secret_keys import POSTGRES_KEYS, POSTGRES_REQUIRED, S3_KEYS, S3_REQUIRED
from rowmill.worker.destinations import Connections, Credentials


class ServersDown(Unavailable):
    """The embedded servers are down, and who looks at an experiment starts none."""

    def __init__(self) -> None:
        super().__init__(
            "ServersDown", "the embedded servers are not up; start them with: rowmill up"
        )


def engine_id(environ: Mapping[str, str] = os.environ) -> str:
    """The engine's part of the owner key: ROWMILL_ENGINE or USER@HOST."""
    return environ.get("ROWMILL_ENGINE") or f"{_user()}@{socket.gethostname()}"


def find_connections(
    spec: Spec,
    secrets: Mapping[str, Path],
    home: Home,
    starting: Callable[[], None] = lambda: None,
) -> Connections:
    """Find out how to reach what `spec` names; starts the embedded servers if it names none.

    Args:
        spec: the experiment.
        secrets: files by the name of the secret that they stand for (`--secret NAME=FILE`).
        home: where the embedded servers live.
        starting: called before they are started, which takes seconds.

    Raises:
        EmbeddedServerError: the embedded servers do not start.
    """
    servers = embedded.up(home, starting) if _embedded(spec) else None
    return _connections(spec, secrets, servers)


def known_connections(
    spec: Spec, secrets: Mapping[str, Path], running: Callable[[], EmbeddedServers | None]
) -> Connections:
    """As `find_connections`, but starts nothing: it asks which embedded servers are `running`.

    Raises:
        ServersDown: the embedded servers that `spec` means are not up.
    """
    servers = running() if _embedded(spec) else None
    if servers is None and _embedded(spec):
        raise ServersDown
    return _connections(spec, secrets, servers)


def has_embedded_ledger(spec: Spec) -> bool:
    """Whether the embedded servers have the records of its runs."""
    target = spec.postgres or spec.parquet
    return target is not None and target.embedded


def same_ledger(spec: Spec, secrets: Mapping[str, Path]) -> Hashable:
    """What is equal for experiments whose ledger is one, reached by the same credentials."""
    target = spec.postgres or spec.parquet
    file = None if target is None else secrets.get(target.secret_name or "")
    if spec.postgres is not None:
        return spec.postgres.secret_name, spec.postgres.ambient, spec.postgres.ledger_schema, file
    return target, file


def _connections(
    spec: Spec, secrets: Mapping[str, Path], servers: EmbeddedServers | None
) -> Connections:
    exports: dict[str, str] = {}
    if servers is not None:
        exports = {**embedded.exports(servers), **embedded.reader_exports(servers)}
    # Who reads need not know the loader's user.
    keys = (*POSTGRES_KEYS, *READER_KEYS)
    read_from = _postgres(spec, secrets, exports, keys, POSTGRES_REQUIRED[:1])
    return Connections(
        engine=engine_id(),
        postgres=_postgres(spec, secrets, exports, POSTGRES_KEYS, POSTGRES_REQUIRED),
        s3=_s3(spec, secrets, exports),
        reader=None if read_from is None else ReadingCredentials(read_from),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        return str(os.getuid())


def _embedded(spec: Spec) -> bool:
    targets = (spec.postgres, spec.parquet)
    return any(target is not None and target.embedded for target in targets)


def _postgres(
    spec: Spec,
    secrets: Mapping[str, Path],
    exports: Mapping[str, str],
    keys: tuple[str, ...],
    required: tuple[str, ...],
) -> Credentials | None:
    target = spec.postgres
    if target is None:
        return None
    if target.embedded:
        return _known(exports, keys)
    return _secret(target.secret_name, secrets, keys, _wanted(target, required))


def _s3(spec: Spec, secrets: Mapping[str, Path], exports: Mapping[str, str]) -> Credentials | None:
    target = spec.parquet
    if target is None:
        return None
    if target.embedded:
        return _known(exports, S3_KEYS)
    return _secret(target.secret_name, secrets, S3_KEYS, _wanted(target, S3_REQUIRED))


def _wanted(target: PostgresTarget | ParquetTarget, required: tuple[str, ...]) -> tuple[str, ...]:
    # The machine's own identity may be in no key at all.
    return () if target.ambient or target.secret_name is None else required


def _known(exports: Mapping[str, str], keys: tuple[str, ...]) -> Credentials:
    return KnownCredentials({key: exports[key] for key in keys if key in exports})


def _secret(
    name: str | None,
    secrets: Mapping[str, Path],
    keys: tuple[str, ...],
    required: tuple[str, ...],
) -> Credentials:
    if name is not None and name in secrets:
        return FileCredentials(name, secrets[name], required)
    return EnvironmentCredentials(keys, name, required)
