"""Whether a load fits the disks of the embedded servers, by figures alone.

A Postgres whose log has no room left stops at once. Of servers elsewhere nothing can be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rowmill.plan.disk import Extent, heap, indexes, objects
from rowmill.spec.dataset import Spec

_MIB = 1 << 20
# Beside what is likely: sorts that build indexes, and what the estimate misses.
_SPARE = 1.2
_CURE = "free some, put ROWMILL_HOME on a larger disk, or ask for fewer rows"


@dataclass(frozen=True)
class Disk:
    """One file system of the embedded servers as it is: `free` bytes, and what of the log is there.

    `log` bytes of the write-ahead log are kept at most. Both are 0 where Postgres is not.
    """

    folder: Path
    free: int
    postgres: bool
    s3: bool
    log: int = 0
    log_present: int = 0


@dataclass(frozen=True)
class Demand:
    """What a load takes of a disk, in bytes."""

    disk: Disk
    tables: Extent
    log: Extent
    objects: Extent
    freed: int = 0

    @property
    def whole(self) -> Extent:
        return self.tables + self.log + self.objects

    @property
    def free(self) -> int:
        return self.disk.free + self.freed

    @property
    def fits(self) -> bool:
        """False only where even the least that the load takes is not there."""
        return self.whole.least <= self.free

    @property
    def verdict(self) -> str:
        """What to say of it with the figures; empty where there is room."""
        if not self.fits:
            return f"it cannot fit; {_CURE}"
        if self.whole.likely > self.free:
            return f"it will probably not fit; {_CURE}"
        return f"it is tight; {_CURE}" if self.whole.likely * _SPARE > self.free else ""

    def __str__(self) -> str:
        parts = [
            f"{_size(extent.likely)} of {what}"
            for what, extent in (
                ("tables and indexes in Postgres", self.tables),
                ("its write-ahead log", self.log),
                ("Parquet objects", self.objects),
            )
            if extent.likely
        ]
        text = (
            f"this run takes about {_size(self.whole.likely)} of the disk at {self.disk.folder} "
            f"({', '.join(parts)}), where {_size(self.free)} are free"
        )
        return f"{text}: {self.verdict}" if self.verdict else text

    def to_json(self) -> dict[str, Any]:
        """Bytes, as `plan -o json` has them."""
        return {
            "folder": str(self.disk.folder),
            "free": self.free,
            "bytes": self.whole.likely,
            "leastBytes": self.whole.least,
            "fits": self.fits,
        }


def demands(
    spec: Spec,
    disks: Sequence[Disk],
    *,
    to_copy: Mapping[str, int],
    to_upload: Mapping[str, int],
    indexed: int = 0,
    freed: int = 0,
) -> list[Demand]:
    """What a load takes of each disk.

    Args:
        to_copy: the rows of each table that Postgres lacks.
        to_upload: those that the bucket lacks.
        indexed: the bytes of the keys and indexes that are made already.
        freed: bytes that Postgres gives back before it.
    """
    found = []
    for disk in disks:
        rows, keys, stored = Extent(), Extent(), Extent()
        if disk.postgres and spec.postgres is not None:
            rows = heap(spec.dataset, to_copy)
            keys = indexes(spec.dataset, spec.postgres.constraints).beyond(indexed)
        if disk.s3:
            stored = objects(spec.dataset, to_upload)
        log = rows.within(disk.log, disk.log_present)
        found.append(Demand(disk, rows + keys, log, stored, freed if disk.postgres else 0))
    return found


def _size(number: int) -> str:
    mebibytes = number / _MIB
    return f"{mebibytes / 1024:,.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:,.0f} MiB"
