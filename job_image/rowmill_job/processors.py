"""How many processors a pod may use: its cgroup's quota, which is its limit of CPU."""

from __future__ import annotations

from pathlib import Path

# Where a pod has no limit: by then its node is busy with others.
DEFAULT = 2
# More threads only take memory: the destinations' servers are busy by then.
MOST = 4
_CGROUP = Path("sys/fs/cgroup")


def processors(root: Path) -> int:
    """The limit of CPU, rounded up, from 1 to MOST; DEFAULT where there is none.

    Args:
        root: where /sys is found.
    """
    quota = _v2(root / _CGROUP) or _v1(root / _CGROUP / "cpu")
    return DEFAULT if quota is None else max(1, min(MOST, quota))


def _v2(folder: Path) -> int | None:
    words = _read(folder / "cpu.max").split()
    return _rounded_up(*words) if len(words) == 2 else None


def _v1(folder: Path) -> int | None:
    return _rounded_up(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _rounded_up(quota: str, period: str) -> int | None:
    """Of texts, which say `max` or -1 where there is no limit."""
    if not quota.isdecimal() or not period.isdecimal() or int(period) == 0:
        return None
    return -(-int(quota) // int(period))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""
