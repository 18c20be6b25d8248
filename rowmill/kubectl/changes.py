"""`abort`, `rerun`, `suspend` and `resume`: what a person asks of the operator.

They write three annotations and `spec.suspend`, and nothing else: what the operator does about it
shows in the status.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Cluster
from rowmill.spec.cluster_names import ABORT, RERUN, RESUME
from rowmill.terminal.failures import UsageError
from rowmill.terminal.prose import say


def abort(cluster: Cluster, name: str) -> None:
    """End the run that is under way or suspended."""
    experiment = Experiment(cluster.experiment(name))
    if experiment.number is None:
        raise UsageError(f"{name} has no run yet; to hold the first one: kubectl rowmill suspend")
    if experiment.ended:
        raise UsageError(
            f"run {experiment.number} of {name} has ended ({experiment.phase}); "
            "there is nothing to abort"
        )
    cluster.patch(name, _annotations({ABORT: str(experiment.number)}))
    say(
        f"run {experiment.number} of {name} is being aborted; what is durable stays: "
        "resume goes on with it, rerun starts over"
    )


def rerun(cluster: Cluster, name: str) -> None:
    """Ask for the next run."""
    experiment = Experiment(cluster.experiment(name))
    # A number that comes back would be aborted before it starts.
    cluster.patch(name, _annotations({RERUN: _moment(), ABORT: None}))
    if experiment.suspended:
        say(f"the next run of {name} starts when it is resumed")
    else:
        say(f"the next run of {name} starts; readers keep the old data until it is published")


def suspend(cluster: Cluster, name: str) -> None:
    """Ask for no workers."""
    if Experiment(cluster.experiment(name)).suspended:
        raise UsageError(f"{name} is suspended already")
    cluster.patch(name, {"spec": {"suspend": True}})
    say(f"{name} is being suspended; what is durable stays, and resume goes on with it")


def resume(cluster: Cluster, name: str) -> None:
    """Ask for workers again, of a suspended, failed or aborted run."""
    experiment = Experiment(cluster.experiment(name))
    body: dict[str, Any] = {}
    if experiment.suspended:
        body["spec"] = {"suspend": False}
    if experiment.phase == "Failed":
        # The aborted run would else be aborted again at once.
        body |= _annotations({RESUME: _moment(), ABORT: None})
    if not body:
        raise UsageError(
            f"{name} is neither suspended nor failed but {experiment.phase}; "
            "there is nothing to resume"
        )
    cluster.patch(name, body)
    say(f"{name} is being resumed; what is durable is not made again")


def _annotations(values: dict[str, str | None]) -> dict[str, Any]:
    return {"metadata": {"annotations": values}}


def _moment() -> str:
    """A text that no earlier request had."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
