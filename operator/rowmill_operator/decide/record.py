"""The status as it is written: the run, its tables, the history, within a bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rowmill.plan.intervals import Interval, parse, union
from rowmill.plan.pace import percent
from rowmill.plan.pod_contract import ExitCode
from rowmill.plan.pod_report import PodReport, Published
from rowmill.plan.replacement import Replaced
from rowmill.spec.cluster_names import EXPERIMENT, SHARD
from rowmill.spec.manifest.status import (
    ExperimentStatus,
    Outcome,
    PastRunStatus,
    ReplacedStatus,
    ResetStatus,
    RunStatus,
    TableStatus,
)
from rowmill.spec.wishes import read_wish
from rowmill_operator.decide.diagnosis import pods_of
from rowmill_operator.decide.keeping import keeper_to_be
from rowmill_operator.decide.paces import paced
from rowmill_operator.decide.progress import finished_tables, run_progress
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import Verifying
from rowmill_operator.model.names import shard_job_name
from rowmill_operator.model.observed import FrozenPlan, Job
from rowmill_operator.model.run_condition import Acceptance, RunCondition, conditions, timestamp
from rowmill_operator.model.run_in_status import (
    RunInStatus,
    defaults_status,
    past_run,
    published_run,
    remembered,
    with_moment_of,
    without_figures,
    without_way,
)


def status_of(
    situation: Situation,
    acceptance: Acceptance,
    run_condition: RunCondition,
    record: RunInStatus | None,
    verifying: Verifying,
) -> ExperimentStatus:
    """The whole status. `record` is its run's, None to leave the one that is there."""
    experiment, verdict = situation.experiment, situation.verdict
    record = record or situation.record
    # Of this very verdict: beside the digest of another spec, each look would plan a run.
    judged = verdict if acceptance.accepted else None
    begun = record.run.number is not None
    return ExperimentStatus(
        observed_generation=experiment.generation,
        digest=None if judged is None else judged.digest,
        rerun=None if judged is None else situation.desired.rerun,
        phase=run_condition.phase,
        conditions=conditions(
            acceptance,
            run_condition,
            verifying.verified,
            generation=experiment.generation,
            before=experiment.status.conditions or (),
            now=situation.now,
        ),
        workers=len([pod for pod in situation.live_pods() if pod.task == SHARD]),
        selector=f"{EXPERIMENT}={experiment.name}",
        operator=keeper_to_be(situation).as_reported(),
        run=_as_shown(record.run, run_condition) if begun else None,
        verification=verifying.record,
        tables=record.tables if begun else None,
        history=_history(situation, record.run),
    )


def _as_shown(run: RunStatus, run_condition: RunCondition) -> RunStatus:
    """The run with its percent; without its figures where the phase is that of the next run.

    They would be taken for the next one's. A `Situation` has them again.
    """
    if run_condition.ahead:
        return without_figures(run)
    complete = run.outcome == "Complete"
    return replace(run, percent=percent(run.rows or 0, run.rows_total or 0, complete=complete))


def new_record(situation: Situation, plan: FrozenPlan) -> RunInStatus:
    """The record of a run that is about to start."""
    layout = plan.plan
    replaced = _published_before(situation, plan)
    return RunInStatus(
        RunStatus(
            number=plan.number,
            digest=layout.digest,
            data_version=layout.data_version,
            image=plan.image,
            defaults=defaults_status(plan.defaults),
            rerun=plan.rerun,
            started_at=timestamp(plan.created),
            rows=0,
            rows_total=layout.rows,
            batch_rows=max((table.batch_rows for table in layout.tables), default=0),
            shards=layout.shards,
            shards_done=0,
            job=shard_job_name(situation.experiment.name, plan.number),
            # What was asked of an earlier run is not asked of this one.
            resume=situation.resume or None,
            reset=_asked_before(plan),
            replaces=None if replaced is None else ReplacedStatus(replaced.run, replaced.rows),
        )
    )


def _asked_before(plan: FrozenPlan) -> ResetStatus | None:
    """A request to reset that is older than the run: of a restored object, or of a copied one.

    It names a run of before by the number that this one has now.
    """
    wish = read_wish(plan.asked_reset)
    return None if wish is None else ResetStatus(wish.request)


def progressed(
    situation: Situation, plan: FrozenPlan, completed: Sequence[Interval]
) -> RunInStatus:
    """The run's record with all that is known of its progress."""
    before = current_record(situation, plan)
    known, cut = _known(before.tables), _cut(before.tables)
    progress = run_progress(plan.plan, completed, situation.observed.progress, known, cut)
    run = replace(
        paced(situation, before.run, progress.rows, plan.plan.rows),
        rows=progress.rows,
        shards_done=sum(stop - first for first, stop in completed),
        batch_rows=max((table.batch_rows or 0 for table in progress.tables), default=0),
        step=progress.step,
    )
    if situation.unheard:
        # Who has not asked the pods yet does not know better than who wrote the record.
        run = with_moment_of(run, before.run)
    return RunInStatus(run, progress.tables)


def caught_up(situation: Situation, plan: FrozenPlan) -> RunInStatus:
    """The run's record with what its pods have made by now, also while nobody asked them.

    They work on without an operator, and those that have ended are asked no more.
    """
    job = situation.job(SHARD)
    if job is None:
        return current_record(situation, plan)
    return progressed(situation, plan, completed_shards(situation, job))


def completed_shards(situation: Situation, job: Job) -> tuple[Interval, ...]:
    """The shards that ended well, by the Job and by their pods, which may be seen before it is."""
    ended = [
        (pod.index, pod.index + 1)
        for pod in pods_of(job, situation.observed.pods)
        if pod.index is not None
        and pod.termination is not None
        and pod.termination.code == ExitCode.DONE
    ]
    return tuple(union((*job.completed_indexes, *ended)))


def completed_record(
    situation: Situation, plan: FrozenPlan, job: Job, report: PodReport
) -> RunInStatus:
    """The record of a run whose finalize pod ended well, with what its pod reported."""
    before = current_record(situation, plan)
    total = plan.plan.rows
    published = report.published or Published()
    run = replace(
        without_way(before.run),
        id=published.run or before.run.id,
        checksum=published.checksum or before.run.checksum,
        replaces=None if published.repeat else before.run.replaces,
        outcome="Complete",
        finished_at=timestamp(job.finished or situation.now),
        data_version=published.data_version or plan.plan.data_version,
        # Of a repeat those of the run that it repeats.
        parquet_types=published.parquet_types or plan.plan.parquet_types,
        rows=total,
        rows_total=total,
        shards_done=plan.plan.shards,
        message="the same data was published before" if published.repeat else "",
    )
    return RunInStatus(run, finished_tables(plan.plan, _cut(before.tables)))


def ended_record(
    situation: Situation, plan: FrozenPlan, outcome: Outcome, reason: str, message: str
) -> RunInStatus:
    """The record of a run that failed or was aborted."""
    before = caught_up(situation, plan)
    run = replace(
        without_way(before.run),
        outcome=outcome,
        finished_at=timestamp(situation.now),
        reason=reason,
        message=message,
    )
    return replace(before, run=run)


def current_record(situation: Situation, plan: FrozenPlan) -> RunInStatus:
    """The newest run's record as the status has it or else anew."""
    return situation.record if situation.recorded else new_record(situation, plan)


def _published_before(situation: Situation, plan: FrozenPlan) -> Replaced | None:
    """The newest complete run before this one that the status remembers.

    The ledger knows better, but only pods read it. None if this one is of the same digest: then
    they find that there is nothing to write.
    """
    newest = published_run(run for run in situation.runs if run.number < plan.number)
    if newest is None or newest.digest == plan.plan.digest:
        return None
    return Replaced(newest.number, newest.rows or 0)


def _known(tables: Sequence[TableStatus]) -> dict[str, list[Interval]]:
    return {table.name: parse(table.completed_batches or "") for table in tables}


def _cut(tables: Sequence[TableStatus]) -> dict[str, int]:
    return {table.name: table.batch_rows for table in tables if table.batch_rows}


def _history(situation: Situation, newest: RunStatus) -> tuple[PastRunStatus, ...]:
    """The last runs that ended, newest first, the newest run among them once it ended."""
    ended = [past_run(newest), *(situation.experiment.status.history or ())]
    if situation.record.run.number not in (None, newest.number):
        ended.insert(1, past_run(_given_up(situation)))
    entries: dict[int, PastRunStatus] = {}
    for entry in ended:
        if entry.phase:
            entries.setdefault(entry.number, entry)
    if newest.outcome == "Reset":
        # The data of all runs is gone.
        entries = {number: replace(run, phase="Reset", rows=0) for number, run in entries.items()}
    limit = situation.desired.history
    runs = remembered(entries.values(), limit)
    # Where no history is wished, `run` alone tells of the newest one.
    return tuple(run for run in runs if limit or run.number != newest.number)


def _given_up(situation: Situation) -> RunStatus:
    """The run before, which was given up if it had not ended."""
    run = situation.record.run
    if run.outcome:
        return run
    return replace(run, outcome="Aborted", reason="Replaced", finished_at=timestamp(situation.now))
