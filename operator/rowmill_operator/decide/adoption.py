"""An Experiment that another operator keeps: left alone, until somebody asks to take it over."""

from __future__ import annotations

from rowmill_operator.decide.freezing import next_plan, validation
from rowmill_operator.decide.keeping import Keeper, is_to_be_adopted_from, left_to
from rowmill_operator.decide.removal import decide_removal
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import SOON
from rowmill_operator.model.actions import Decision


def decide_about_anothers(situation: Situation, keeper: Keeper) -> Decision:
    """Leave it alone, or take it over by planning its next run: from then on it is this one's.

    The Jobs of the runs before end only then, when their operator makes them no more.
    """
    experiment = situation.experiment
    if not is_to_be_adopted_from(keeper, experiment):
        return Decision((left_to(keeper, situation),))
    if experiment.deleted is not None:
        return decide_removal(situation)
    if situation.lags:
        return Decision(again_after=SOON)
    verdict = situation.verdict
    if verdict is None:
        return Decision((validation(situation),))
    if verdict.problems:
        why = f"it is not taken over, for the spec is refused: {'; '.join(verdict.problems)}"
        return Decision((left_to(keeper, situation, why),))
    return Decision((next_plan(situation),), again_after=SOON)
