"""Where an experiment stands, as the conditions and the phase of its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rowmill.spec.manifest.status import ConditionStatus, Holds, Phase
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.shortening import shortened

PENDING: Final = "Pending"
RUNNING: Final = "Running"
FINALIZING: Final = "Finalizing"
COMPLETE: Final = "Complete"
FAILED: Final = "Failed"
SUSPENDED: Final = "Suspended"
RESET_DONE: Final = "Reset"
# The types of all conditions that `conditions` gives.
CONDITIONS: Final = frozenset(
    {
        "Accepted",
        "Progressing",
        "Complete",
        "Failed",
        "Suspended",
        "Verified",
        "Stalled",
        "Reconciling",
    }
)
_UNDER_WAY = (PENDING, RUNNING, FINALIZING)
_MESSAGE_LENGTH = 4096
_STATUS: Mapping[bool | None, Holds] = {True: "True", False: "False", None: "Unknown"}


@dataclass(frozen=True)
class RunCondition:
    """A phase and why. `stalled`: it gets on only when somebody mends what the reason names.

    `ahead`: it is that of a run which has no record yet.
    """

    phase: Phase
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


@dataclass(frozen=True)
class Verified:
    """Whether the published data is what its rows are when they are made again; None: unknown."""

    holds: bool | None
    reason: str
    message: str = ""


def conditions(
    acceptance: Acceptance,
    run_condition: RunCondition,
    verified: Verified,
    *,
    generation: int,
    before: Sequence[ConditionStatus],
    now: datetime,
) -> tuple[ConditionStatus, ...]:
    """All conditions; one keeps its transition time for as long as its status stays."""
    phase = run_condition.phase
    stuck = run_condition.stalled or phase == FAILED
    words = (run_condition.reason, run_condition.message)
    under_way = phase in _UNDER_WAY and not run_condition.stalled
    wanted = [
        ("Accepted", acceptance.accepted, acceptance.reason, acceptance.message),
        ("Progressing", under_way, *words),
        ("Complete", phase == COMPLETE, *words),
        ("Failed", phase == FAILED, *words),
        ("Suspended", phase == SUSPENDED, *words),
        ("Verified", verified.holds, verified.reason, verified.message),
        ("Stalled", stuck, *words),
        ("Reconciling", under_way, *words),
    ]
    known = {condition.type: condition for condition in before}
    return tuple(
        _condition(kind, holds, reason, message, generation, known.get(kind), now)
        for kind, holds, reason, message in wanted
    )


def stalled_anyway(
    reason: str,
    message: str,
    *,
    generation: int,
    before: Sequence[ConditionStatus],
    now: datetime,
) -> tuple[ConditionStatus, ...]:
    """The conditions as before, but for Stalled: of one that is to go, and cannot."""
    known = {condition.type: condition for condition in before}
    stalled = _condition("Stalled", True, reason, message, generation, known.get("Stalled"), now)
    return tuple((known | {"Stalled": stalled}).values())


def timestamp(moment: datetime) -> str:
    """As Kubernetes writes times: whole seconds, UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(
    kind: str,
    holds: bool | None,
    reason: str,
    message: str,
    generation: int,
    before: ConditionStatus | None,
    now: datetime,
) -> ConditionStatus:
    status = _STATUS[holds]
    since = before.last_transition_time if before and before.status == status else None
    return ConditionStatus(
        type=kind,
        status=status,
        reason=reason or Reason.STARTING,
        message=shortened(message, _MESSAGE_LENGTH),
        observed_generation=generation,
        last_transition_time=since or timestamp(now),
    )
