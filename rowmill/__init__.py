"""Rowmill: synthetic relational data at warehouse scale, the same rows every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rowmill.version import VERSION

if TYPE_CHECKING:
    from rowmill.api import (
        DestinationRefused,
        DestinationUnavailable,
        EditedManifest,
        Experiment,
        Interrupted,
        InvalidManifest,
        Mode,
        NoRunToResume,
        NothingPublished,
        Outcome,
        Report,
        RunAborted,
        RunFailed,
        Snapshot,
        load,
    )

__version__ = VERSION
__all__ = [
    "DestinationRefused",
    "DestinationUnavailable",
    "EditedManifest",
    "Experiment",
    "Interrupted",
    "InvalidManifest",
    "Mode",
    "NoRunToResume",
    "NothingPublished",
    "Outcome",
    "Report",
    "RunAborted",
    "RunFailed",
    "Snapshot",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    # On first use: the command line must start without Arrow.
    if name not in __all__:
        raise AttributeError(f"module 'rowmill' has no attribute {name!r}")
    from rowmill import api

    return getattr(api, name)
