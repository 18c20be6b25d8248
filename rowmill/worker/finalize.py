"""Finalize a run: compare it with the plan, add keys and indexes, check the counts, publish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Event

from rowmill.destinations.errors import DestinationRefused, Fenced, LateAdditions
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.publish import publish
from rowmill.worker.shard import Report, Stopped, run_parts
from rowmill.worker.shard_context import ShardContext

# How often finalize goes on with what users put on the published tables meanwhile.
_ROUNDS = 20


def finalize(
    context: ShardContext,
    run: Run,
    spec: Spec,
    destinations: Destinations,
    stop: Event,
    report: Report,
    step: Callable[[str], None],
    *,
    connections: int,
) -> None:
    """Take a run whose shards are done to COMPLETED.

    Args:
        stop: set to end it, by cancelling the steps under way; the run can then be resumed.
        step: told what is being done, by any thread: of several steps the one that began last.
        connections: over so many to Postgres it works at most: as many as loaded.

    Raises:
        Stopped: `stop` was set; Fenced: the run was aborted or replaced.
        DestinationRefused, DestinationUnavailable: from the destinations.
    """
    late: list[frozenset[str]] = []
    while (state := _state(run, destinations)) is not RunState.COMPLETED:
        try:
            if state is not RunState.PUBLISHING:
                step("compare with the plan")
                run_parts(context, run.plan.parts(), stop, report)
                _turn_finalizing(run, destinations)
                if destinations.warehouse is not None:
                    look = partial(_raise_if, stop)
                    destinations.warehouse.finalize(run, spec.dataset, connections, step, look)
            step("publish")
            publish(run, spec.dataset, destinations)
        except LateAdditions as error:
            # Nothing was published. What came since finalize built is built too, then again.
            late.append(frozenset(error.labels))
            _refuse_circles(late, error)
        except (Fenced, DestinationRefused):
            # A twin came further, with the same rows, and what this one was at work on is gone or
            # in its place: go on from there.
            if _state(run, destinations) not in _FORWARD - {state}:
                raise
        else:
            return


def _refuse_circles(late: Sequence[frozenset[str]], error: LateAdditions) -> None:
    """Refuse what was lacking the last time too, and was built since, or what never settles."""
    if len(late) > _ROUNDS or late[-1:] == late[-2:-1]:
        raise DestinationRefused(
            "DependantsInTheWay",
            f"what users put on the published tables cannot be made the same on the new ones: "
            f"{error}. Drop or change it, then run again; the run resumes",
        ) from error


# From these states there is no way back.
_FORWARD = frozenset({RunState.PUBLISHING, RunState.COMPLETED})


def _state(run: Run, destinations: Destinations) -> RunState | None:
    """As the ledger has it: a worker that died finalizing may have come further than told."""
    known = destinations.ledger.runs.find(run.id)
    return known.state if known else None


def _turn_finalizing(run: Run, destinations: Destinations) -> None:
    if not destinations.ledger.runs.transition(
        run.id, frozenset({RunState.RUNNING, RunState.FINALIZING}), RunState.FINALIZING
    ):
        raise Fenced(f"run {run.number} is no longer live")


def _raise_if(stop: Event) -> None:
    if stop.is_set():
        raise Stopped
