"""How much memory this machine's workers may use: the cgroup's limit, or else what is free."""

from __future__ import annotations

from pathlib import Path

import psutil

# cgroup v1 writes "no limit" as a page-aligned number near 2**63.
_UNLIMITED = 2**60


def worker_memory(workers: int, *, limit: int | None = None, root: Path = Path("/")) -> int:
    """Bytes that one of `workers` processes may use.

    Args:
        workers: processes at once, at least 1.
        limit: what the manifest grants one worker (`resources.limits.memory`), in bytes.
        root: where /proc and /sys are found; a test passes a folder.
    """
    machine = cgroup_limit(root) or psutil.virtual_memory().available
    share = min(machine, psutil.virtual_memory().total) // workers
    return share if limit is None else min(share, limit)


def cgroup_limit(root: Path = Path("/")) -> int | None:
    """The smallest memory limit of this process's cgroup and those above it, in bytes; or None."""
    limits = [*_v2_limits(root), *_v1_limits(root)]
    return min((limit for limit in limits if limit < _UNLIMITED), default=None)


def _v2_limits(root: Path) -> list[int]:
    return _limits(root, "", root / "sys/fs/cgroup", "memory.max")


def _v1_limits(root: Path) -> list[int]:
    mount = root / "sys/fs/cgroup/memory"
    return _limits(root, "memory", mount, "memory.limit_in_bytes")


def _limits(root: Path, controller: str, mount: Path, name: str) -> list[int]:
    """Every limit on the way from this process's cgroup up to the mount's root."""
    path = _own_path(root, controller)
    if path is None:
        return []
    # In a container the host's path may not exist below the mount: its root is ours then.
    folders = [mount / path, *(mount / path).parents]
    readings = (_read_number(folder / name) for folder in folders if folder.is_relative_to(mount))
    return [reading for reading in readings if reading is not None]


def _own_path(root: Path, controller: str) -> Path | None:
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path(path.lstrip("/"))
    return None


def _read_number(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
