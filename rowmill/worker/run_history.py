"""What the runs of an experiment say, oldest first: which is published, what is left of others."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.plan.layout import Plan
from rowmill.plan.replacement import Replaced
from rowmill.plan.runs import RESUMABLE, UNFINISHED, Run, RunState
from rowmill.spec.dataset import Spec


def published_run(runs: Sequence[Run]) -> Run | None:
    """The run whose data readers see: the newest COMPLETED one, unless the data was reset since."""
    for run in reversed(runs):
        if run.state is RunState.COMPLETED:
            return run
        if run.state is RunState.RESET:
            return None
    return None


def replacement(published: Run | None, plan: Plan, owner: str) -> Replaced | None:
    """What a run of `plan` and `owner` removes when it is published instead of `published`."""
    if published is None:
        return None
    return Replaced(
        published.number,
        published.plan.rows,
        owner=published.owner if published.owner != owner else None,
        gone=tuple(name for name in published.plan.by_name if name not in plan.by_name),
    )


def left_over(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The unfinished runs, oldest first, that can have left something behind.

    What a run staged is cleared when a newer one begins, so only those since the last complete one.
    """
    return tuple(run for run in _since_last_end(runs) if run.state in RESUMABLE)


def beyond_limit(runs: Sequence[Run], limit: int) -> tuple[Run, ...]:
    """The ended runs of whose records nobody has need: those before the newest `limit` ended ones.

    Not the published one, nor the newest of all, after which the next one is numbered. Nor what can
    have left something behind: what a run staged is cleared away before the next one begins, but a
    worker of it that nobody sees may write for a moment more.
    """
    ended = [run for run in runs if run.state not in UNFINISHED]
    kept = {
        run.id
        for run in (published_run(runs), *left_over(runs)[-2:], *runs[-1:])
        if run is not None
    }
    return tuple(run for run in ended[: max(0, len(ended) - limit)] if run.id not in kept)


def same_data(run: Run, digest: str, data_version: int) -> bool:
    """Whether the run's rows and places are those of this digest and data version."""
    return run.plan.digest == digest and run.plan.data_version == data_version


def types_kept(run: Run, spec: Spec) -> str | None:
    """What to say of a run whose Parquet types are not those that the manifest asks for now."""
    if spec.parquet is None or spec.parquet.types is run.plan.parquet_types:
        return None
    return (
        f"the Parquet objects of run {run.number} keep their types ({run.plan.parquet_types}), "
        f"though the manifest asks for {spec.parquet.types}"
    )


def _since_last_end(runs: Sequence[Run]) -> Sequence[Run]:
    ends = [i for i, run in enumerate(runs) if run.state in (RunState.COMPLETED, RunState.RESET)]
    return runs[ends[-1] + 1 :] if ends else runs
