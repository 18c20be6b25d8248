"""By what a run is judged and planned: the chart of now, but for what its data rests on already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rowmill.spec.cluster import Defaults, ParquetDefault
from rowmill.spec.cluster_names import ADOPT
from rowmill_operator.children.secrets import is_charts
from rowmill_operator.decide.diagnosis import Diagnosis, refused_child
from rowmill_operator.decide.keeping import keeper_of, keeper_to_be, other_keeper
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import Step
from rowmill_operator.model.actions import FreezePlan, Validate
from rowmill_operator.model.names import plan_name
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.run_in_status import reported_defaults

# A worker's own reasons, which destinations give, are not among the operator's.
_NO_DESTINATIONS = set(Reason) - {Reason.SECRET_MISSING, Reason.RETRYING}


def validation(situation: Situation) -> Validate:
    """Judge the spec: by what the newest run was planned by, if it is the spec of that run.

    A default that the chart has lost since refuses no run that has begun; it may the next.
    """
    asked = Validate(
        situation.experiment.generation,
        situation.desired.rerun,
        _next_defaults(situation),
        _data_version(situation),
    )
    known = _known_defaults(situation)
    if known is None or other_keeper(situation) is not None:
        return asked
    return replace(asked, planned=situation.digest, planned_by=known)


def next_plan(situation: Situation) -> FreezePlan:
    """Plan the run after the newest."""
    engine = keeper_to_be(situation).engine
    image = situation.settings.worker_image
    return _freeze(situation, situation.number + 1, engine, image, _next_defaults(situation))


def plan_again(situation: Situation) -> FreezePlan:
    """Plan the newest run as it was, as far as its record tells: its ConfigMap is gone."""
    keeper = keeper_of(situation) or keeper_to_be(situation)
    image = situation.record.run.image if situation.recorded else None
    image = image or situation.settings.worker_image
    defaults = _known_defaults(situation) or situation.settings.defaults
    return _freeze(situation, situation.number, keeper.engine, image, defaults)


def refused_plan(situation: Situation) -> Diagnosis | None:
    """Why the plan of the newest run could not be made again when that was tried last."""
    name = plan_name(situation.experiment.name, situation.number)
    return refused_child(name, situation.observed, situation.now)


def with_words_on_chart(situation: Situation, step: Step) -> Step:
    """What a run is stuck with may be a default that the chart has mended since: say so."""
    run_condition = step.run_condition
    if (
        not run_condition.stalled
        or run_condition.reason in _NO_DESTINATIONS
        or not _has_parted(situation)
    ):
        return step
    cure = (
        f"run {situation.number} keeps to the chart's defaults of when it was planned, which are "
        f"others by now; `kubectl rowmill rerun {situation.experiment.name} --restart` plans a run "
        "by those"
    )
    return replace(
        step, run_condition=replace(run_condition, message=f"{run_condition.message}; {cure}")
    )


def _has_parted(situation: Situation) -> bool:
    """Whether a next run would find its destinations elsewhere, or by other Secrets, than this."""
    plan = situation.plan
    if plan is None:
        return False
    then, now = plan.defaults, _next_defaults(situation)
    postgres, parquet = (
        name in plan.destinations and is_charts(name, plan.destinations[name], then)
        for name in ("postgres", "parquet")
    )
    return (postgres and then.postgres_secret != now.postgres_secret) or (
        parquet and then.parquet != now.parquet
    )


def _freeze(
    situation: Situation, number: int, engine: str, image: str, defaults: Defaults
) -> FreezePlan:
    return FreezePlan(
        number=number,
        rerun=situation.desired.rerun,
        adopt=situation.experiment.annotations.get(ADOPT),
        data_version=_data_version(situation),
        engine=engine,
        image=image,
        defaults=defaults,
    )


def _data_version(situation: Situation) -> int | None:
    """That of the last run, which holds for the next; None if there was none."""
    return situation.record.run.data_version or None


def _next_defaults(situation: Situation) -> Defaults:
    """The chart's, but for a bucket of before that the chart has left for another.

    The published objects are there, and one Experiment's data in two places is found in neither.
    The Secret of that place stays with it: another place's is none of its server's business.
    """
    chart = situation.settings.defaults
    before = _place_before(situation)
    if before is None or chart.parquet is None or _place(before) == _place(chart.parquet):
        return chart
    return replace(chart, parquet=before)


def _place_before(situation: Situation) -> ParquetDefault | None:
    """The chart's bucket of the run before, if that run's objects are in it."""
    known = _known_defaults(situation)
    if known is None or not is_charts("parquet", _parquet_before(situation), known):
        return None
    return known.parquet


def _parquet_before(situation: Situation) -> Mapping[str, Any]:
    destinations = (
        situation.plans[-1].destinations
        if situation.plans
        else situation.experiment.settings.get("destinations") or {}
    )
    found: Mapping[str, Any] = destinations.get("parquet") or {}
    return found


def _known_defaults(situation: Situation) -> Defaults | None:
    """The chart's defaults by which the newest run was planned, None if nothing tells them."""
    if situation.plans:
        return situation.plans[-1].defaults
    reported = situation.record.run.defaults
    return None if reported is None else reported_defaults(reported)


def _place(parquet: ParquetDefault) -> tuple[str, str | None]:
    return parquet.bucket, parquet.endpoint
