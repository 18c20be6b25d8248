"""What is free on the disks of the embedded servers: looked at, and nothing started or made."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rowmill.local.home.folder import Home
from rowmill.local.servers.disk_demand import Disk
from rowmill.local.servers.postgres_settings import log_limit
from rowmill.spec.dataset import Spec

_MIB = 1 << 20
_LOG_LIMIT = re.compile(r"^max_wal_size = '(\d+)MB'$", re.MULTILINE)


def embedded_disks(spec: Spec, home: Home) -> list[Disk]:
    """The file systems on which embedded servers would put this run, each once; looks, no more."""
    postgres = spec.postgres is not None and spec.postgres.embedded
    s3 = spec.parquet is not None and spec.parquet.embedded
    folders = [home.postgres] * postgres + [home.s3] * s3
    devices: dict[int, list[Path]] = {}
    for folder in folders:
        devices.setdefault(_device(_present(folder)), []).append(folder)
    return [_disk(home, there) for there in devices.values()]


def _device(folder: Path) -> int:
    return folder.stat().st_dev


def _disk(home: Home, there: Sequence[Path]) -> Disk:
    folder, whole = _present(there[0]), _present(home.path)
    free = shutil.disk_usage(folder).free
    if len(there) > 1 and _device(whole) == _device(folder):
        folder = whole
    has_postgres, has_s3 = home.postgres in there, home.s3 in there
    if not has_postgres:
        return Disk(folder, free, has_postgres, has_s3)
    present = _folder_bytes(home.postgres_data / "pg_wal")
    return Disk(folder, free, has_postgres, has_s3, _log_limit(home, free), present)


def _log_limit(home: Home, free: int) -> int:
    """By the settings that Postgres was started with, or would be."""
    with suppress(OSError):
        found = _LOG_LIMIT.search(home.postgres_config.read_text(encoding="utf-8"))
        if found is not None:
            return int(found[1]) * _MIB
    return log_limit(free)


def _present(folder: Path) -> Path:
    # Where one may not look it says no instead of raising.
    return next(each for each in (folder, *folder.parents) if os.path.exists(each))


def _folder_bytes(folder: Path) -> int:
    size = 0
    with suppress(OSError):
        for entry in os.scandir(folder):
            # A segment may be gone between the two looks.
            with suppress(OSError):
                size += entry.stat().st_size if entry.is_file() else 0
    return size
