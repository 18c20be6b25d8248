"""The data and records of an experiment removed."""

from __future__ import annotations

from rowmill.local.home import disk_reserve
from rowmill.local.home.folder import Home
from rowmill.worker.destinations import Destinations
from rowmill.worker.removal import purge


def reset(home: Home, destinations: Destinations) -> str:
    """Remove the data of its runs; says what that was."""
    disk_reserve.release(home)
    return str(purge.reset(destinations))


def delete(home: Home, name: str, destinations: Destinations, *, remembered_alone: bool) -> str:
    """Remove data and records; says what that was.

    Args:
        remembered_alone: nobody gave its manifest, so that there may be nothing of it any more.
    """
    disk_reserve.release(home)
    if remembered_alone and _is_nowhere(destinations):
        return (
            f"{name} is forgotten here: the embedded servers have no record of it, "
            "and nothing was removed"
        )
    return f"{name} is deleted: {purge.delete(destinations)}"


def _is_nowhere(destinations: Destinations) -> bool:
    """Whether nothing is where the runs went, for certain: a secret may lead elsewhere by now."""
    targets = (destinations.spec.postgres, destinations.spec.parquet)
    embedded = all(target is None or target.embedded for target in targets)
    return embedded and not purge.is_known_to_any_engine(destinations)
