"""The status as it is written: the run, its tables, the history, within a bounded size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rowmill.plan.intervals import Interval, parse
from rowmill.plan.pace import percent
from rowmill.plan.replacement import Replaced
from rowmill.spec.cluster_names import EXPERIMENT, SHARD
from rowmill_operator.keeping import keeper_to_be
from rowmill_operator.names import shard_job_name
from rowmill_operator.observed import FrozenPlan, Job
from rowmill_operator.paces import PACE, pace_of
from rowmill_operator.progress import finished_tables, run_progress
from rowmill_operator.situation import Situation
from rowmill_operator.standing import Acceptance, Standing, conditions, timestamp

# What pods say of this moment alone.
_OF_LATE = (*PACE, "step")
# What a run that has ended no longer has.
_OF_ITS_WAY = (*_OF_LATE, "refused")
# What tells how far a run is.
_FIGURES = ("rows", "percent", "shardsDone", *_OF_LATE)


def status_of(
    situation: Situation, acceptance: Acceptance, standing: Standing, run: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The whole status. `run` is its run's record, None to leave the one that is there."""
    experiment = situation.experiment
    before = experiment.status
    record = dict(situation.record if run is None else run)
    tables = record.pop("tables", None)
    if tables is None:
        tables = before.get("tables") or []
    status: dict[str, Any] = {
        "observedGeneration": experiment.generation,
        "phase": standing.phase,
        "conditions": conditions(
            acceptance,
            standing,
            generation=experiment.generation,
            before=before.get("conditions") or (),
            now=situation.now,
        ),
        "workers": len([pod for pod in situation.live_pods() if pod.task == SHARD]),
        "selector": f"{EXPERIMENT}={experiment.name}",
        "history": _history(situation, record),
        "operator": keeper_to_be(situation).to_json(),
    }
    verdict = situation.verdict
    if acceptance.accepted and verdict is not None:
        # Of this very verdict: beside the digest of another spec, each look would plan a run.
        status["digest"] = verdict.digest
        status["rerun"] = situation.wishes.rerun
    if record:
        status["run"] = _as_shown(record, standing)
        status["tables"] = list(tables)
    return status


def _as_shown(record: Mapping[str, Any], standing: Standing) -> dict[str, Any]:
    """The record with its percent; without its figures where the phase is that of the next run.

    They would be taken for the next one's. A `Situation` has them again.
    """
    if standing.ahead:
        return {name: value for name, value in record.items() if name not in _FIGURES}
    rows, total = int(record.get("rows") or 0), int(record.get("rowsTotal") or 0)
    complete = record.get("outcome") == "Complete"
    return {**record, "percent": percent(rows, total, complete=complete)}


def new_record(situation: Situation, plan: FrozenPlan) -> dict[str, Any]:
    """The record of a run that is about to start."""
    layout = plan.plan
    replaced = _published_before(situation, plan)
    return {
        "number": plan.number,
        "digest": layout.digest,
        "dataVersion": layout.data_version,
        "image": plan.image,
        "defaults": plan.defaults.to_json(),
        "rerun": plan.rerun,
        "startedAt": timestamp(plan.created),
        "rows": 0,
        "rowsTotal": layout.rows,
        "batchRows": max((table.batch_rows for table in layout.tables), default=0),
        "shards": layout.shards,
        "shardsDone": 0,
        "job": shard_job_name(situation.experiment.name, plan.number),
        # What was asked of an earlier run is not asked of this one.
        "resume": situation.resume or None,
        "replaces": None if replaced is None else replaced.to_json(),
        "tables": [],
    }


def replaced_in(record: Mapping[str, Any]) -> Replaced | None:
    """The published run that the run of this record replaces."""
    known = record.get("replaces")
    return None if not known else Replaced(int(known["run"]), int(known["rows"]))


def progressed(
    situation: Situation, plan: FrozenPlan, completed: Sequence[Interval]
) -> dict[str, Any]:
    """The run's record with all that is known of its progress."""
    record = current_record(situation, plan)
    known, cut = _known(record), _cut(record)
    progress = run_progress(plan.plan, completed, situation.observed.progress, known, cut)
    figures: dict[str, Any] = {
        "rows": progress.rows,
        "shardsDone": sum(stop - first for first, stop in completed),
        "batchRows": max((table["batchRows"] for table in progress.tables), default=0),
        "step": progress.step,
        "tables": list(progress.tables),
        **pace_of(situation, record, progress.rows, plan.plan.rows),
    }
    if situation.unheard:
        # Who has not asked the pods yet does not know better than who wrote the record.
        figures |= {name: record[name] for name in _OF_LATE if name in record}
    return record | figures


def completed_record(
    situation: Situation, plan: FrozenPlan, job: Job, report: Mapping[str, Any]
) -> dict[str, Any]:
    """The record of a run whose finalize pod ended well, with what its pod reported."""
    record = current_record(situation, plan)
    for name in _OF_ITS_WAY:
        record.pop(name, None)
    if report.get("repeat"):
        record.pop("replaces", None)
    total = plan.plan.rows
    ended = job.finished or situation.now
    extra = {"id": report.get("run"), "checksum": report.get("checksum")}
    return {
        **record,
        **{name: value for name, value in extra.items() if value},
        "outcome": "Complete",
        "finishedAt": timestamp(ended),
        "dataVersion": int(report.get("dataVersion") or plan.plan.data_version),
        # Of a repeat those of the run that it repeats.
        "parquetTypes": str(report.get("parquetTypes") or plan.plan.parquet_types),
        "rows": total,
        "rowsTotal": total,
        "shardsDone": plan.plan.shards,
        "message": "the same data was published before" if report.get("repeat") else "",
        "tables": list(finished_tables(plan.plan, _cut(record))),
    }


def ended_record(
    situation: Situation, plan: FrozenPlan, outcome: str, reason: str, message: str
) -> dict[str, Any]:
    """The record of a run that failed or was aborted."""
    record = current_record(situation, plan)
    for name in _OF_ITS_WAY:
        record.pop(name, None)
    return record | {
        "outcome": outcome,
        "finishedAt": timestamp(situation.now),
        "reason": reason,
        "message": message,
    }


def current_record(situation: Situation, plan: FrozenPlan) -> dict[str, Any]:
    """The newest run's record, with its tables, as the status has it or else anew."""
    if not situation.recorded:
        return new_record(situation, plan)
    tables = situation.experiment.status.get("tables") or []
    return {**situation.record, "tables": list(tables)}


def _published_before(situation: Situation, plan: FrozenPlan) -> Replaced | None:
    """The newest complete run before this one that the status remembers.

    The ledger knows better, but only pods read it. None if this one is of the same digest: then
    they find that there is nothing to write.
    """
    known = (situation.record, *(situation.experiment.status.get("history") or ()))
    complete = [
        run
        for run in known
        if "Complete" in (run.get("outcome"), run.get("phase")) and run["number"] < plan.number
    ]
    newest = max(complete, key=lambda run: int(run["number"]), default=None)
    if newest is None or newest.get("digest") == plan.plan.digest:
        return None
    return Replaced(int(newest["number"]), int(newest.get("rows") or 0))


def _known(record: Mapping[str, Any]) -> dict[str, list[Interval]]:
    return {
        table["name"]: parse(table.get("completedBatches", ""))
        for table in record.get("tables") or ()
    }


def _cut(record: Mapping[str, Any]) -> dict[str, int]:
    return {
        table["name"]: int(table["batchRows"])
        for table in record.get("tables") or ()
        if table.get("batchRows")
    }


def _history(situation: Situation, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The last runs that ended, newest first, the newest run among them once it ended."""
    ended = [record, *(situation.experiment.status.get("history") or ())]
    if situation.record and situation.record.get("number") != record.get("number"):
        ended.insert(1, _replaced(situation))
    entries: dict[int, dict[str, Any]] = {}
    for entry in ended:
        if entry.get("outcome") or entry.get("phase"):
            entries.setdefault(int(entry["number"]), _entry(entry))
    known = sorted(entries, reverse=True)
    published = next((n for n in known if entries[n].get("phase") == "Complete"), None)
    numbers = known[: situation.wishes.history]
    if published is not None and published not in (record.get("number"), *numbers):
        # What readers see is remembered beyond any limit.
        numbers.append(published)
    return [entries[number] for number in numbers]


def _replaced(situation: Situation) -> dict[str, Any]:
    """The record of the run before, which was given up if it had not ended."""
    record = dict(situation.record)
    if not record.get("outcome"):
        record |= {
            "outcome": "Aborted",
            "reason": "Replaced",
            "finishedAt": timestamp(situation.now),
        }
    return record


def _entry(record: Mapping[str, Any]) -> dict[str, Any]:
    if "phase" in record:
        return dict(record)
    names = ("number", "id", "digest", "startedAt", "finishedAt", "rows", "reason")
    entry = {name: record[name] for name in names if record.get(name) not in (None, "")}
    return entry | {"phase": record["outcome"]}
