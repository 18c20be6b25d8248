"""Waiting for the operator's answer to what an annotation asks of a run, or for why none comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rowmill.cluster.experiment import Experiment
from rowmill.cluster.verdicts import unverifiable
from rowmill.errors import Conflict, Failed, Interrupted
from rowmill.spec.cluster_names import ASK_VERIFY

# The operator looks at an annotation within a second or so: after some 30 nobody did.
_UNHEARD_LOOKS = 15


@dataclass(frozen=True)
class Asked:
    """What is asked of run `number` of `name`: the `annotation` says `request`."""

    name: str
    annotation: str
    request: str
    number: int

    def __str__(self) -> str:
        return f"the {self.annotation.rpartition('/')[2]} of run {self.number} of {self.name}"


@dataclass
class Waiting:
    """Heeds each look at an Experiment that has not answered yet.

    `notice` is told what is new in its message, of which `told` was known before; `until` is when
    to give up by `clock`, both in seconds.
    """

    asked: Asked
    notice: Callable[[str], None]
    clock: Callable[[], float]
    timeout: float | None
    told: str

    def __post_init__(self) -> None:
        self._since = self.clock()
        self._looks = 0

    def heed(self, experiment: Experiment, message: str) -> None:
        """Tell what is waited for now.

        Raises:
            Conflict: Deleting, Replaced, Superseded or Suspended, no answer comes as things are.
            Failed: nobody can do it.
            Interrupted: StillUnderWay, the time is over; what was asked for goes on.
        """
        experiment.refuse_if_leaving()
        refuse_superseded(experiment, self.asked)
        if self.asked.annotation == ASK_VERIFY:
            refuse_unverifiable(experiment, self.asked.number)
        self._tell(message)
        if self.timeout is not None and self.clock() - self._since >= self.timeout:
            raise Interrupted(
                "StillUnderWay",
                f"{self.asked} was not done within {self.timeout:g} s "
                f"({message or 'nothing is known of it yet'}); it goes on",
            )

    def _tell(self, message: str) -> None:
        self._looks += 1
        if message not in ("", self.told):
            self.told, self._looks = message, _UNHEARD_LOOKS
            self.notice(f"{self.asked.name}: {message}")
        elif self._looks == _UNHEARD_LOOKS:
            asked = f"{self.asked.annotation}={self.asked.request}"
            self.notice(f"{self.asked.name}: nobody has heeded {asked} yet; is the operator there?")


def refuse_unverifiable(experiment: Experiment, number: int) -> None:
    """Raise why run `number` will not be verified as things are, if it will not."""
    name, published = experiment.name, experiment.published
    if published is None or published.number != number:
        raise Conflict("Replaced", f"run {number} of {name} is no longer published")
    if experiment.suspended:
        raise Conflict(
            "Suspended",
            f"{name} is suspended, and no pod of it is started: it is verified once it is resumed",
        )
    lost = unverifiable(experiment, number)
    if lost is not None:
        why = f"{lost}: run {number} of {name} cannot be verified, its rerun can"
        raise Failed("NotVerified", why)


def refuse_superseded(experiment: Experiment, asked: Asked) -> None:
    """Raise Conflict, reason Superseded, if the annotation does not ask for this any more."""
    now = experiment.annotations.get(asked.annotation)
    if now == asked.request:
        return
    since = f"somebody has asked for {now} since, not for {asked.request}"
    if not now:
        since = "somebody has taken the annotation off"
    raise Conflict("Superseded", f"{asked} is not answered: {since} ({asked.annotation})")
