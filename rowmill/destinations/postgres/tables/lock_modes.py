"""The modes of locks on tables that finalize takes, and which of them exclude each other."""

from __future__ import annotations

from enum import StrEnum


class Lock(StrEnum):
    """As Postgres writes them, the weakest first."""

    ROW_SHARE = "ROW SHARE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"


def conflict(one: Lock, other: Lock) -> bool:
    """Whether Postgres lets only one of them on a table at a time."""
    modes = {one, other}
    if Lock.ACCESS_EXCLUSIVE in modes:
        return True
    return Lock.ROW_SHARE not in modes and modes != {Lock.SHARE}
