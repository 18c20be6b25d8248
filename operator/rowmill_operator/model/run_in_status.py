"""A run as the status shows it: the run and its tables, and what may change in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rowmill.plan.purging import Written
from rowmill.plan.replacement import Replaced
from rowmill.spec.cluster import Defaults, ParquetDefault
from rowmill.spec.manifest.status import (
    MAX_HISTORY,
    MAX_TABLES,
    DefaultsStatus,
    ParquetDefaultStatus,
    PastRunStatus,
    PostgresDefaultStatus,
    RefusalStatus,
    RunStatus,
    TableStatus,
)


@dataclass(frozen=True)
class RunInStatus:
    """A run and how far its tables are. Its number is None where no run has begun."""

    run: RunStatus
    tables: tuple[TableStatus, ...] = ()


def without_pace(run: RunStatus) -> RunStatus:
    """As of a run whose pods are not at work."""
    return replace(run, rows_per_second=None, eta_seconds=None, rows_grew_at=None)


def without_moment(run: RunStatus) -> RunStatus:
    """Without what pods say of this moment alone."""
    return replace(without_pace(run), step=None)


def with_moment_of(run: RunStatus, before: RunStatus) -> RunStatus:
    """With what pods said of their moment before, as far as they said it."""
    return replace(
        run,
        step=run.step if before.step is None else before.step,
        rows_per_second=_known(before.rows_per_second, run.rows_per_second),
        eta_seconds=_known(before.eta_seconds, run.eta_seconds),
        rows_grew_at=before.rows_grew_at or run.rows_grew_at,
    )


def without_way(run: RunStatus) -> RunStatus:
    """Without what a run that has ended no longer has."""
    return replace(without_moment(run), refused=None)


def without_figures(run: RunStatus) -> RunStatus:
    """Without what tells how far the run is."""
    return replace(without_moment(run), rows=None, percent=None, shards_done=None)


def without_data(record: RunInStatus) -> RunInStatus:
    """As of a run of which nothing is durable any more."""
    tables = (replace(table, rows=0, completed_batches="") for table in record.tables)
    return RunInStatus(replace(record.run, rows=0, shards_done=0), tuple(tables))


def with_figures(run: RunStatus, tables: Sequence[TableStatus]) -> RunStatus:
    """With its rows also where `without_figures` took them away."""
    if run.number is None or run.rows is not None:
        return run
    if run.outcome == "Complete":
        return replace(run, rows=run.rows_total or 0, shards_done=run.shards or 0)
    return replace(run, rows=sum(table.rows or 0 for table in tables))


def taken_up(run: RunStatus, resume: str) -> RunStatus:
    """As of a run that goes on after its end, as `resume` has asked."""
    ended = replace(run, outcome=None, finished_at=None, reason=None, message=None)
    return replace(ended, refused=None, resume=resume)


def refused(run: RunStatus, reason: str, message: str) -> RunStatus:
    """As of a run that a destination, or the start of its pods, has refused."""
    return replace(run, refused=RefusalStatus(reason, message))


def without_refusal(record: RunInStatus) -> RunInStatus:
    """As of a run whose refusal is over, or no longer of interest."""
    return replace(record, run=replace(record.run, refused=None))


def replaced_in(run: RunStatus) -> Replaced | None:
    """The published run that this one replaces."""
    known = run.replaces
    return None if known is None else Replaced(known.run, known.rows)


def past_run(run: RunStatus) -> PastRunStatus:
    """The run as a history tells of it, without a phase while it has not ended."""
    return PastRunStatus(
        number=run.number or 0,
        id=run.id or None,
        digest=run.digest or None,
        phase=run.outcome,
        started_at=run.started_at or None,
        finished_at=run.finished_at or None,
        rows=run.rows,
        reason=run.reason or None,
    )


def remembered(runs: Iterable[PastRunStatus], most: int) -> tuple[PastRunStatus, ...]:
    """The newest `most` runs, newest first, and the published one, however old: what readers see.

    Together they are never more than MAX_HISTORY.
    """
    known = sorted(runs, key=lambda run: run.number, reverse=True)
    newest, published = known[:most], published_run(known)
    if published is None or published in newest:
        return tuple(newest[:MAX_HISTORY])
    return (*newest[: MAX_HISTORY - 1], published)


def published_run(runs: Iterable[PastRunStatus]) -> PastRunStatus | None:
    """The run whose data readers see, of those that a status tells of, in any order."""
    complete = (run for run in runs if run.phase == "Complete")
    return max(complete, key=lambda run: run.number, default=None)


def shown_tables(tables: Sequence[TableStatus]) -> tuple[TableStatus, ...]:
    """At most MAX_TABLES: of more, unfinished ones first, in the given order otherwise."""
    if len(tables) <= MAX_TABLES:
        return tuple(tables)
    ordered = sorted(tables, key=lambda table: table.rows == table.rows_total)
    return tuple(ordered[:MAX_TABLES])


def defaults_status(defaults: Defaults) -> DefaultsStatus:
    """The chart's defaults as a record tells them."""
    secret, parquet = defaults.postgres_secret, defaults.parquet
    return DefaultsStatus(
        postgres=None if secret is None else PostgresDefaultStatus(secret),
        parquet=None
        if parquet is None
        else ParquetDefaultStatus(
            bucket=parquet.bucket,
            endpoint=parquet.endpoint,
            region=parquet.region,
            secret_name=parquet.secret_name,
        ),
    )


def reported_defaults(reported: DefaultsStatus) -> Defaults:
    """What `defaults_status` was made of."""
    postgres, parquet = reported.postgres, reported.parquet
    return Defaults(
        postgres_secret=None if postgres is None else postgres.secret_name,
        parquet=None
        if parquet is None or parquet.bucket is None
        else ParquetDefault(
            bucket=parquet.bucket,
            endpoint=parquet.endpoint,
            region=parquet.region,
            secret_name=parquet.secret_name,
        ),
    )


def _known(reported: float | None, otherwise: float | None) -> float | None:
    return otherwise if reported is None else reported


def written_run(runs: Iterable[PastRunStatus]) -> Written | None:
    """The run that is known to have written data, of those that a status tells of, in any order."""
    known = [run for run in runs if run.phase != "Reset"]
    published = published_run(known)
    if published is not None:
        return Written(published.number, published.id or "")
    newest = max((run.number for run in known if run.rows), default=None)
    return None if newest is None else Written(newest)
