"""Leave a running container no memory, so that the kernel kills it for wanting more."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.processes import living

_SECONDS = 6.0
_PAUSE = 0.02
# By the two versions of control groups: what is mounted where, and the names of limit and usage.
_FIRST = (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes")
_SECOND = (Path("/sys/fs/cgroup"), "memory.max", "memory.current")


def starve(processes: list[psutil.Process]) -> bool:
    """Keep a container's limit at what it uses until it is killed; whether it was.

    A container that asks for nothing more lives on; its limit then stays tight.
    """
    if not processes:
        return False
    limit, usage = _files(processes[0].pid)
    deadline = time.monotonic() + _SECONDS
    while living(processes) and time.monotonic() < deadline:
        # Gone with the container, or busy: more came into use since it was read.
        with suppress(OSError):
            limit.write_text(usage.read_text("ascii"), encoding="ascii")
        time.sleep(_PAUSE)
    return not living(processes)


def _files(pid: int) -> tuple[Path, Path]:
    lines = Path(f"/proc/{pid}/cgroup").read_text("utf-8").splitlines()
    groups = {kinds: path for _, kinds, path in (line.split(":", 2) for line in lines)}
    first = next((path for kinds, path in groups.items() if "memory" in kinds.split(",")), None)
    top, limit, usage = _SECOND if first is None else _FIRST
    folder = top / (groups[""] if first is None else first).lstrip("/")
    return folder / limit, folder / usage
