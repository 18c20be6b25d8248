"""Bounds of what a run may be given, in the manifest, on the command line or from Python."""

from __future__ import annotations

from typing import Final, NamedTuple


class Bounds(NamedTuple):
    """The least and the most that is taken."""

    least: int
    most: int


BATCH_ROWS: Final = Bounds(1_000, 100_000)
# Processes of one machine; a cluster's pods may be more.
WORKERS: Final = Bounds(1, 1_024)
