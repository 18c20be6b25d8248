"""Experiments whose manifest says `suspend: true`: known here, and not run until asked for."""

from __future__ import annotations

from collections.abc import Callable

from rowmill.errors import Conflict
from rowmill.local.home import liveness, remembered
from rowmill.local.home.folder import Home, home_refused
from rowmill.local.source import Source
from rowmill.spec.dataset import Spec


def hold(home: Home, name: str, source: Source) -> None:
    """Remember an experiment of which no run is to begin.

    Raises:
        Conflict: RunLive, a run of it is live, which that would not stop.
        Refused: the home takes no more files.
    """
    if liveness.is_supervised(home, name):
        raise Conflict(
            "RunLive", f"{name} is run here now; stop that first with `rowmill suspend {name}`"
        )
    try:
        remembered.keep(home, source.remembered(name))
    except OSError as error:
        raise home_refused(home, error) from None


def is_held(spec: Spec, newest: Callable[[], str | None]) -> bool:
    """Whether a manifest asks for no run, and the newest is of another manifest, or none is.

    `newest` finds out the digest of the newest run, None if there is none.
    """
    return spec.suspended and newest() != spec.digest
