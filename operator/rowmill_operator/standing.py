"""Where an experiment stands, as the conditions and the phase of its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowmill_operator.reasons import Reason
from rowmill_operator.shortening import shortened

PENDING, RUNNING, FINALIZING = "Pending", "Running", "Finalizing"
COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
_UNDER_WAY = (PENDING, RUNNING, FINALIZING)
_MESSAGE_LENGTH = 4096


@dataclass(frozen=True)
class Standing:
    """A phase and why. `stalled`: it gets on only when somebody mends what the reason names.

    `ahead`: it is that of a run which has no record yet.
    """

    phase: str
    reason: str
    message: str = ""
    stalled: bool = False
    ahead: bool = False


@dataclass(frozen=True)
class Acceptance:
    """Whether the spec was accepted; None while it is being judged."""

    accepted: bool | None
    reason: str
    message: str = ""


def conditions(
    acceptance: Acceptance,
    standing: Standing,
    *,
    generation: int,
    before: Sequence[Mapping[str, Any]],
    now: datetime,
) -> list[dict[str, Any]]:
    """All conditions; one keeps its transition time for as long as its status stays."""
    phase = standing.phase
    stuck = standing.stalled or phase == FAILED
    words = (standing.reason, standing.message)
    under_way = phase in _UNDER_WAY and not standing.stalled
    wanted = [
        ("Accepted", acceptance.accepted, acceptance.reason, acceptance.message),
        ("Progressing", under_way, *words),
        ("Complete", phase == COMPLETE, *words),
        ("Failed", phase == FAILED, *words),
        ("Suspended", phase == SUSPENDED, *words),
        ("Stalled", stuck, *words),
        ("Reconciling", under_way, *words),
    ]
    times = {c["type"]: (c["status"], c["lastTransitionTime"]) for c in before if "type" in c}
    return [
        _condition(kind, holds, reason, message, generation, times.get(kind), now)
        for kind, holds, reason, message in wanted
    ]


def stalled_anyway(
    reason: str,
    message: str,
    *,
    generation: int,
    before: Sequence[Mapping[str, Any]],
    now: datetime,
) -> list[dict[str, Any]]:
    """The conditions as before, but for Stalled: of one that is to go, and cannot."""
    known = {str(condition.get("type")): dict(condition) for condition in before}
    since = known.get("Stalled")
    times = None if since is None else (since["status"], since["lastTransitionTime"])
    stalled = _condition("Stalled", True, reason, message, generation, times, now)
    return list((known | {"Stalled": stalled}).values())


def timestamp(moment: datetime) -> str:
    """As Kubernetes writes times: whole seconds, UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(
    kind: str,
    holds: bool | None,
    reason: str,
    message: str,
    generation: int,
    before: tuple[str, str] | None,
    now: datetime,
) -> dict[str, Any]:
    status = "Unknown" if holds is None else str(holds)
    kept = before[1] if before is not None and before[0] == status else timestamp(now)
    return {
        "type": kind,
        "status": status,
        "reason": str(reason) or str(Reason.STARTING),
        "message": shortened(message, _MESSAGE_LENGTH),
        "observedGeneration": generation,
        "lastTransitionTime": kept,
    }
