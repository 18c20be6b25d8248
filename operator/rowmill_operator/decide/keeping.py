"""Whose an Experiment is, where more than one operator serves its namespace.

Who makes the ConfigMap of its first run keeps it: names are given once, so there is one. Before
that, who first wrote a status about a generation of the spec has the word on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rowmill.spec.cluster_names import ADOPT
from rowmill.spec.manifest.status import OperatorStatus
from rowmill_operator.decide.situation import Situation
from rowmill_operator.model.actions import LeaveAlone
from rowmill_operator.model.observed import Experiment
from rowmill_operator.model.settings import Settings


@dataclass(frozen=True)
class Keeper:
    """An operator: the engineId under which it owns data, and the installation that it is.

    `release` is "" where an earlier version planned the run.
    """

    engine: str
    release: str

    def is_run_by(self, settings: Settings) -> bool:
        """Whether an operator of these settings is this one.

        A release whose engineId was changed keeps what it began, and so does one that was moved
        and given the engineId of before.
        """
        return self.engine == settings.engine or self.release == settings.release

    def as_reported(self) -> OperatorStatus:
        """The form in which a status tells it."""
        return OperatorStatus(self.engine, self.release)


def keeper_of(situation: Situation) -> Keeper | None:
    """Who began the newest run; None before the first, or if nothing tells it."""
    if situation.plans:
        plan = situation.plans[-1]
        return Keeper(plan.engine, plan.release)
    return _speaker(situation.experiment) if situation.number else None


def other_keeper(situation: Situation) -> Keeper | None:
    """The keeper, if it is another operator than this one."""
    keeper = keeper_of(situation)
    return None if keeper is None or keeper.is_run_by(situation.settings) else keeper


def keeper_to_be(situation: Situation) -> Keeper:
    """This operator, by the engineId that owns the Experiment's data or is to own it."""
    keeper = None if other_keeper(situation) else keeper_of(situation)
    engine = keeper.engine if keeper is not None else situation.settings.engine
    return Keeper(engine, situation.settings.release)


def other_speaker(situation: Situation) -> Keeper | None:
    """Another operator that has said of this very generation why no run of it begins.

    Two that refuse it in different words, or by different defaults, would else take turns for good.
    None once somebody has asked to take the Experiment over from it.
    """
    experiment = situation.experiment
    speaker = _speaker(experiment)
    if situation.number or speaker is None or speaker.is_run_by(situation.settings):
        return None
    said = experiment.status.observed_generation
    if said != experiment.generation or is_to_be_adopted_from(speaker, experiment):
        return None
    return speaker


def owner_key(keeper: Keeper, experiment: Experiment) -> str:
    """The owner of the Experiment's data in every ledger."""
    return f"{keeper.engine}/{experiment.namespace}/{experiment.name}"


def is_to_be_adopted_from(keeper: Keeper, experiment: Experiment) -> bool:
    """Whether somebody has asked to take the Experiment's data over from `keeper`."""
    return experiment.annotations.get(ADOPT) == owner_key(keeper, experiment)


def left_to(keeper: Keeper, situation: Situation, why: str = "") -> LeaveAlone:
    """What an operator does with an Experiment that is another's: nothing, and says so once."""
    engine = situation.settings.engine
    message = (
        f"the operator with the engineId {keeper.engine} has planned run {situation.number}, so "
        f"this one, with the engineId {engine}, leaves the Experiment to it"
    )
    return _leave_to(keeper, situation, message, why)


def word_left_to(speaker: Keeper, situation: Situation, own: str) -> LeaveAlone:
    """What an operator does that begins no run either, for a reason of its `own`."""
    engine = situation.settings.engine
    message = (
        f"the operator with the engineId {speaker.engine} was the first to say why no run begins, "
        f"so this one, with the engineId {engine}, leaves the status to it; its own reason: {own}"
    )
    return _leave_to(speaker, situation, message)


def _leave_to(keeper: Keeper, situation: Situation, message: str, cure: str = "") -> LeaveAlone:
    experiment = situation.experiment
    owner = owner_key(keeper, experiment)
    cure = cure or (
        "if that operator is gone, have this one take over: kubectl annotate experiment "
        f"{experiment.name} --namespace {experiment.namespace} {ADOPT}={owner}"
    )
    return LeaveAlone(owner, f"{message}; {cure}")


def _speaker(experiment: Experiment) -> Keeper | None:
    said = experiment.status.operator
    return Keeper(said.engine, said.release or "") if said and said.engine else None
