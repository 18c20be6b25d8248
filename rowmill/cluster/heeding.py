"""Whether an operator heeds what is asked of an Experiment: one that is away tells nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rowmill.cluster.experiment import Experiment
from rowmill.cluster.steering import is_judged
from rowmill.engine.json_records import time_from_json
from rowmill.spec.cluster_names import ABORT
from rowmill.spec.wishes import aborts

# The operator looks at a change within a second or so.
_HEEDED_WITHIN = timedelta(seconds=30)


def unheeded(experiment: Experiment, now: datetime) -> str | None:
    """What to say of a change that no operator has looked at, None if there is none.

    Args:
        experiment: as it is now.
        now: by the API server's clock, as are the times that it has.
    """
    changed = max(_changes(experiment), default=None)
    if changed is None or now - changed < _HEEDED_WITHIN or not _is_unheard(experiment):
        return None
    return (
        f"no operator has heeded what was asked of {experiment.name} "
        f"{int((now - changed).total_seconds())} s ago; is it there, and does it watch namespace "
        f"{experiment.namespace!r}?"
    )


def _is_unheard(experiment: Experiment) -> bool:
    if not experiment.seen:
        return True
    if experiment.refused:
        # Nothing but another spec changes that.
        return False
    resumed = experiment.to_be_resumed and not experiment.being_reset
    return not is_judged(experiment) or resumed or _is_abort_unheard(experiment)


def _is_abort_unheard(experiment: Experiment) -> bool:
    """The pods of one that is heeded are being ended, which the reason tells."""
    if experiment.number is None or not experiment.begun or experiment.ended:
        return False
    asked = experiment.annotations.get(ABORT)
    is_asked = aborts(asked, experiment.number, experiment.generation)
    return is_asked and experiment.reason != "Aborted"


def _changes(experiment: Experiment) -> Iterator[datetime]:
    """When anything but the status was changed, as far as the API server tells."""
    metadata = experiment.raw["metadata"]
    fields = metadata.get("managedFields") or ()
    stamps = [each.get("time") for each in fields if each.get("subresource") != "status"]
    for stamp in (metadata.get("creationTimestamp"), *stamps):
        moment = time_from_json(stamp)
        if moment is not None:
            yield moment
