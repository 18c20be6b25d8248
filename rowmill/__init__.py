"""Rowmill: synthetic relational data at warehouse scale, the same rows every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rowmill.version import VERSION

if TYPE_CHECKING:
    from rowmill.api import (
        ApiRefused,
        ApiUnreachable,
        ApplyRequest,
        Conflict,
        DestinationRefused,
        DestinationUnavailable,
        Differs,
        EditedManifest,
        EmbeddedServerError,
        Experiment,
        Failed,
        ImpossibleColumns,
        Interrupted,
        Invalid,
        InvalidArgument,
        InvalidManifest,
        MemoryDamaged,
        Mode,
        NoAccess,
        NoRunToResume,
        NotFound,
        NothingPublished,
        Outcome,
        Overrides,
        QueryRefused,
        Refused,
        RowmillError,
        RunAborted,
        RunFailed,
        RunRecord,
        RunSuspended,
        ServersDown,
        Snapshot,
        State,
        Unavailable,
        Unkeyed,
        UnknownSecret,
        Unsupported,
        Verification,
        WarehouseUnreachable,
        cluster_engine,
        load,
        local_engine,
    )

__version__ = VERSION
__all__ = [
    "ApiRefused",
    "ApiUnreachable",
    "ApplyRequest",
    "Conflict",
    "DestinationRefused",
    "DestinationUnavailable",
    "Differs",
    "EditedManifest",
    "EmbeddedServerError",
    "Experiment",
    "Failed",
    "ImpossibleColumns",
    "Interrupted",
    "Invalid",
    "InvalidArgument",
    "InvalidManifest",
    "MemoryDamaged",
    "Mode",
    "NoAccess",
    "NoRunToResume",
    "NotFound",
    "NothingPublished",
    "Outcome",
    "Overrides",
    "QueryRefused",
    "Refused",
    "RowmillError",
    "RunAborted",
    "RunFailed",
    "RunRecord",
    "RunSuspended",
    "ServersDown",
    "Snapshot",
    "State",
    "Unavailable",
    "Unkeyed",
    "UnknownSecret",
    "Unsupported",
    "Verification",
    "WarehouseUnreachable",
    "__version__",
    "cluster_engine",
    "load",
    "local_engine",
]


def __dir__() -> list[str]:
    # What is here before its first use too, and nothing that this module has for itself.
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    # On first use: the command line must start without Arrow.
    if name not in __all__:
        raise AttributeError(f"module 'rowmill' has no attribute {name!r}")
    from rowmill import api

    return getattr(api, name)
