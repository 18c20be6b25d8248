"""What a ledger says of an experiment's runs, as one machine tells it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence

from rowmill.engine.records import Progress, RunRecord, State
from rowmill.errors import NotFound
from rowmill.local.records.run_reading import read_progress, watch_progress
from rowmill.plan.replacement import replaced_by
from rowmill.plan.runs import Run, RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.reading import experiment_runs

# Every so many looks at a run it is seen whether a newer one has begun.
LOOKS_FOR_NEWER = 10


def progress_of(destinations: Destinations, number: int | None) -> Progress:
    """How far run `number` is, None for the newest.

    Raises:
        NotFound: NoRuns, there is none yet; RunUnknown, none of that number.
    """
    runs = known_runs(destinations)
    run = chosen(runs, number)
    replaced_by = _replaced(runs).get(run.number)
    followed = run is not runs[-1]
    return read_progress(run, destinations, replaced_by=replaced_by, followed=followed)


def watched(
    destinations: Destinations,
    number: int | None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Progress]:
    """How far run `number` is, None for the newest, as often as its supervisor tells, to its end.

    Rows may be a few seconds behind the ledger, and are not behind what was told before: of fewer
    the ledger itself is asked. Whether a newer run has begun is looked at now and then, and when
    the one that is watched has ended.

    Raises:
        NotFound: as of `progress_of`.
    """
    progress = _listed(destinations, number, None)
    for look in itertools.count(1):
        yield progress
        if not progress.run.at_work:
            return
        sleep(destinations.ledger.progress.write_seconds)
        if look % LOOKS_FOR_NEWER:
            progress = _again(progress, destinations, number)
        else:
            progress = _listed(destinations, number, progress)


def _again(last: Progress, destinations: Destinations, number: int | None) -> Progress:
    """How far the same run is; once it has ended, what there is besides is seen too."""
    run = destinations.ledger.runs.find(last.run.id or "")
    if run is not None:
        progress = watch_progress(run, destinations)
        if progress.run.at_work:
            return _not_behind(progress, destinations, last)
    return _listed(destinations, number, last)


def _listed(destinations: Destinations, number: int | None, last: Progress | None) -> Progress:
    runs = known_runs(destinations)
    run = chosen(runs, number)
    progress = watch_progress(run, destinations, followed=run is not runs[-1])
    return _not_behind(progress, destinations, last)


def _not_behind(progress: Progress, destinations: Destinations, last: Progress | None) -> Progress:
    if last is None or not goes_back(progress, last):
        return progress
    return progress_of(destinations, progress.run.number)


def goes_back(progress: Progress, last: Progress) -> bool:
    """Whether fewer rows are told of the same run than were told before."""
    return progress.run.id == last.run.id and progress.run.rows < last.run.rows


def records_of(destinations: Destinations) -> list[RunRecord]:
    """The runs, oldest first; raises NotFound if there are none."""
    return told_of(known_runs(destinations), destinations)


def told_of(runs: Sequence[Run], destinations: Destinations) -> list[RunRecord]:
    """The records of all runs of an experiment, oldest first, as they were read just now."""
    replaced = _replaced(runs)
    return [
        read_progress(
            run,
            destinations,
            replaced_by=replaced.get(run.number),
            followed=run is not runs[-1],
        ).run
        for run in runs
    ]


def known_runs(destinations: Destinations) -> list[Run]:
    """The runs of an experiment that somebody asked for; raises NotFound if there are none."""
    known = experiment_runs(destinations)
    if not known:
        name = destinations.spec.name
        raise NotFound("NoRuns", f"{name} has no runs yet; start one with: rowmill run -f FILE")
    return known


def chosen(runs: Sequence[Run], number: int | None) -> Run:
    """The run of this number, None for the newest; raises NotFound."""
    if number is None:
        return runs[-1]
    for run in runs:
        if run.number == number:
            return run
    first, last = runs[0].number, runs[-1].number
    raise NotFound("RunUnknown", f"there is no run {number}; the runs are {first} to {last}")


def nothing_to_stop(
    runs: Sequence[Run], do: str, *, left_alone: bool, resume: str, reset: str
) -> str:
    """Why one can `do` nothing, abort or suspend, to any of an experiment's runs, oldest first.

    Args:
        runs: the experiment's.
        do: what was to be done.
        left_alone: the newest is unfinished, and no process is at work on it.
        resume, reset: the commands for these.
    """
    if not runs:
        return f"there is no run to {do}: it has no runs yet"
    newest = runs[-1]
    if newest.state is RunState.PUBLISHING and left_alone:
        return (
            f"run {newest.number} is INTERRUPTED amid its publishing, which only goes forward; "
            f"`{resume}` completes it"
        )
    if newest.state is RunState.PUBLISHING:
        return (
            f"run {newest.number} is being published, which only goes forward; "
            f"`{reset}` removes its data afterwards"
        )
    why = f" ({newest.message})" if newest.message else ""
    if newest.state is RunState.ABORTED:
        state = State.SUSPENDED if newest.suspended else State.ABORTED
        if newest.message.casefold().startswith(state.casefold()):
            why = ""
        return f"run {newest.number} is {state} already{why}; `{resume}` goes on with it"
    return f"there is no live run to {do}: the newest, run {newest.number}, is {newest.state}{why}"


def _replaced(runs: Sequence[Run]) -> dict[int, int]:
    completed = [(run.number, run.id) for run in runs if run.state is RunState.COMPLETED]
    return dict(replaced_by(completed))
