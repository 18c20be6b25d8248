"""Hold an experiment for this process alone, or say who has it and what one can do about that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rowmill.destinations.errors import LiveRun
from rowmill.destinations.ledger import ExperimentHold
from rowmill.errors import Conflict
from rowmill.plan.runs import RunState
from rowmill.worker.destinations import Destinations


@contextmanager
def held(destinations: Destinations) -> Iterator[ExperimentHold]:
    """The claim on the experiment, whose ledger is there, as long as the block lasts.

    Raises:
        Conflict: LiveRunElsewhere, naming the holder and how to see and stop its run.
    """
    with ExitStack() as stack:
        try:
            hold = stack.enter_context(
                destinations.ledger.locks.hold_experiment(destinations.owner)
            )
        except LiveRun as error:
            message = f"{error.message}; {_what_to_do(destinations)}"
            raise Conflict(error.reason, message) from None
        yield hold


def _what_to_do(destinations: Destinations) -> str:
    name = destinations.owner.rpartition("/")[2]
    wait = f"wait for it (`rowmill status {name} -w` shows how far it is)"
    newest = destinations.ledger.runs.of(destinations.owner)[-1:]
    if [run.state for run in newest] == [RunState.PUBLISHING]:
        return f"it is being published, which only goes forward: {wait}"
    return f"{wait}, or stop it with `rowmill suspend {name}` or `rowmill abort {name}`"
