"""A server as an operating-system process: start it detached, find it, wait for it, stop it."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from rowmill.errors import Refused

# Below the range from which Linux takes the ports of outgoing connections (32768 and up) and
# Kubernetes its node ports (30000 and up), so that a port chosen once stays free while down.
_PORTS = range(15_000, 30_000)
_LOG_BYTES_KEPT = 1 << 20
_POLL_SECONDS = 0.05
# From the shell's end until the server's command line can be seen, on a machine under load.
_START_GRACE_SECONDS = 10.0


class EmbeddedServerError(Refused):
    """An embedded server cannot be started or stopped; the text says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__("EmbeddedServer", message)


class ServerProcess(NamedTuple):
    """A process and the words of its command line (or of the title it gave itself)."""

    process: psutil.Process
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of what runs."""
        return Path(self.words[0].partition(":")[0]).name


def start_detached(
    command: Sequence[str],
    *,
    seen: Callable[[], bool],
    cwd: Path,
    log: Path,
    environ: Mapping[str, str],
) -> None:
    """Start a process that outlives this one and its terminal, its output appended to `log`.

    Returns once `seen` is true or the process has ended. The shell between leaves at once, so the
    server belongs to init and never becomes a zombie of a long-lived caller; `start_new_session`
    keeps the terminal's Ctrl-C and hang-up from it.
    """
    _shorten(log)
    log.touch(mode=0o600)
    started = subprocess.run(
        ["/bin/sh", "-c", 'log=$1; shift; "$@" >>"$log" 2>&1 & echo $!', "sh", str(log), *command],
        check=True,
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    pid = int(started.stdout)
    wait_until(lambda: seen() or not psutil.pid_exists(pid), _START_GRACE_SECONDS)


def processes(program: str, token: str) -> list[ServerProcess]:
    """Return the live processes of `program` whose command line holds `token`."""
    return [found for found in marked(token) if found.program == program]


def marked(token: str) -> list[ServerProcess]:
    """Return the live processes, of whatever program, whose command line holds `token`.

    A token made at random for each home tells its servers from those of other homes, of other
    containers that use the same paths, and from a stranger that got an old process id.
    """
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if any(token in word for word in words):
            found.append(ServerProcess(process, tuple(words)))
    return found


def stop(
    find: Callable[[], Sequence[ServerProcess]],
    leader: Callable[[ServerProcess], bool],
    *,
    politely: signal.Signals,
    patience: float,
) -> None:
    """Signal the leading processes of a server and wait until all that `find` finds are gone.

    After `patience` seconds, or if no leader is left, they are killed. Once this returns their
    ports are free.

    Raises:
        EmbeddedServerError: one survives SIGKILL (it hangs in the kernel, on a dead disk).
    """
    first = find()
    leaders = [process for process in first if leader(process)]

    def gone() -> bool:
        # An ending process loses its command line, by which it is found, before its sockets.
        return not find() and all(_has_ended(one.process) for one in first)

    _send(politely, leaders)
    if leaders and wait_until(gone, patience):
        return
    _send(signal.SIGKILL, find())
    if not wait_until(gone, 30.0):
        left = ", ".join(f"{Path(one.words[0]).name} {one.process.pid}" for one in find())
        raise EmbeddedServerError(
            f"These processes do not end, not even killed: {left}. They hang in the kernel, most "
            "likely on a disk. Look at `dmesg`, then run `rowmill down` again."
        )


def _has_ended(process: psutil.Process) -> bool:
    """Return whether it holds no socket or file any more, be its parent told of that or not."""
    try:
        # A leading thread may be a zombie while others still end.
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True


def _send(chosen: signal.Signals, targets: Sequence[ServerProcess]) -> None:
    for target in targets:
        with contextlib.suppress(psutil.NoSuchProcess):
            target.process.send_signal(chosen)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll `condition` until it holds or the time is up; return whether it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def free_ports(count: int) -> list[int]:
    """Return that many different TCP ports on which nobody listens on the loopback address."""
    chosen: list[int] = []
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        if len(chosen) == count:
            break
        if port_is_free(port):
            chosen.append(port)
    if len(chosen) < count:
        raise EmbeddedServerError(
            f"No free TCP ports between {_PORTS.start} and {_PORTS.stop - 1} on 127.0.0.1 "
            "for the embedded servers; close some of the programs that listen there."
        )
    return chosen


def port_is_free(port: int) -> bool:
    """Return whether nobody listens on a TCP port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Else the remains of the last server's closed connections would make it look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start_error(name: str, log: Path, waited: float | None) -> EmbeddedServerError:
    """Return the error of a server that has ended or, after `waited` seconds, is not ready."""
    why = "ends as soon as it starts" if waited is None else f"is not ready within {waited:.0f} s"
    return EmbeddedServerError(
        f"The embedded {name} {why}. The end of its log, {log}:\n{_last_lines(log)}\n"
        "If it lacks disk or memory, free some; then run `rowmill up` again."
    )


def _last_lines(log: Path, count: int = 12) -> str:
    if not log.exists():
        return "    (no log)"
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 8192))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-count:]) or "    (the log is empty)"


def _shorten(log: Path) -> None:
    """Set a log aside as `.old` once it is larger than 1 MiB, so that two of them bound it."""
    if log.exists() and log.stat().st_size > _LOG_BYTES_KEPT:
        log.replace(log.with_name(log.name + ".old"))
