"""Experiments whose manifest says `suspend: true`: known here, and not run until asked for."""

from __future__ import annotations

from collections.abc import Callable

from rowmill.errors import Conflict
from rowmill.local.home import liveness, remembered
from rowmill.local.home.file_locks import one_at_a_time
from rowmill.local.home.folder import Home, home_refused
from rowmill.local.source import Source, refuse_changed
from rowmill.spec.dataset import Spec


def hold(home: Home, name: str, source: Source, if_match: str | None) -> None:
    """Remember an experiment of which no run is to begin.

    Raises:
        Conflict: RunLive, a run of it is live, which that would not stop; or as `refuse_changed`.
        Refused: the home takes no more files.
    """
    try:
        # Of two at once, the second sees what the first has left.
        with one_at_a_time(home.hold_lock):
            refuse_changed(home, name, if_match)
            if liveness.is_supervised(home, name):
                stop = f"stop that first with `rowmill suspend {name}`"
                raise Conflict("RunLive", f"{name} is run here now; {stop}")
            remembered.keep(home, source.remembered(name))
    except OSError as error:
        raise home_refused(home, error) from None


def is_held(spec: Spec, newest: Callable[[], str | None]) -> bool:
    """Whether a manifest asks for no run, and the newest is of another manifest, or none is.

    `newest` finds out the digest of the newest run, None if there is none.
    """
    return spec.suspended and newest() != spec.digest
