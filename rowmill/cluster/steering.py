"""What an abort and a resume write into an Experiment, by how it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Cluster, Raw
from rowmill.engine.records import RunRecord, State
from rowmill.errors import Conflict
from rowmill.spec.cluster_names import ABORT, RERUN, RESUME
from rowmill.spec.wishes import abort_of_next, aborts

T = TypeVar("T")
# The operator writes the status every 5 seconds: twice in a row is bad luck already.
_TRIES = 5


@dataclass(frozen=True)
class Change:
    """A merge patch, the run that it is about, and what the user should know besides."""

    body: Mapping[str, Any]
    run: RunRecord
    notice: str = ""


def steer(cluster: Cluster, name: str, decide: Callable[[Experiment], Change]) -> Change:
    """Change the Experiment as `decide` says of the very one that is changed.

    Raises:
        Conflict: what `decide` raises; Deleting; Changed, it is written all the time.
    """

    def decided(raw: Raw) -> tuple[Mapping[str, Any], Change]:
        experiment = Experiment(raw)
        experiment.refuse_if_leaving()
        change = decide(experiment)
        return change.body, change

    return patched_as_read(cluster, name, decided)


def patched_as_read(
    cluster: Cluster, name: str, decide: Callable[[Raw], tuple[Mapping[str, Any], T]]
) -> T:
    """Patch the Experiment as `decide` says of the very one that is patched.

    Returns:
        What `decide` gives beside the patch.

    Raises:
        Conflict: what `decide` raises; Changed, it is written all the time.
    """
    for left in reversed(range(_TRIES)):
        raw = cluster.experiment(name)
        body, told = decide(raw)
        try:
            cluster.patch(name, _of_version(body, raw))
        except Conflict:
            if not left:
                raise
        else:
            break
    return told


def abort(experiment: Experiment, *, hold: str) -> Change:
    """End the newest run, and begin no other: whoever aborts wants nothing to run.

    Args:
        hold: the command that suspends it.

    Raises:
        Conflict: NothingToAbort.
    """
    name, number = experiment.name, experiment.number
    if number is None:
        message = f"{name} has no run yet; to hold the first one: {hold}"
        raise Conflict("NothingToAbort", message)
    pending = next_is_asked_for(experiment)
    if experiment.ended and not pending and not experiment.to_be_resumed:
        how = experiment.run.get("outcome") or experiment.phase
        message = f"run {number} of {name} has ended ({how}); there is nothing to abort"
        raise Conflict("NothingToAbort", message)
    run = replace(experiment.overall.run, number=number)
    if not pending and not _can_be_withdrawn(experiment):
        return Change(annotated({ABORT: str(number)}), run, _unseen(experiment, hold))
    if not _can_be_withdrawn(experiment):
        # Where it begins this moment, it is that run which is aborted.
        body = annotated({ABORT: abort_of_next(number + 1, experiment.generation)})
        notice = f"run {number + 1} of {name} was asked for: it is aborted before it makes rows"
        return Change(body, _next(experiment), notice)
    withdrawn = {RERUN: _rerun_before(experiment)}
    notice = f"run {number + 1} of {name} had not begun: its rerun is withdrawn"
    if experiment.ended:
        return Change(annotated(withdrawn), _next(experiment), notice)
    return Change(annotated({ABORT: str(number), **withdrawn}), run, notice)


def resume(experiment: Experiment, *, rerun: str) -> Change:
    """Go on with what is suspended, failed or about to be aborted.

    Args:
        rerun: the command that begins the next run.

    Raises:
        Conflict: NothingToResume.
    """
    body: dict[str, Any] = {}
    if experiment.suspended:
        body["spec"] = {"suspend": False}
    unmet = _unmet_abort(experiment)
    if experiment.phase == "Failed":
        if experiment.being_reset:
            message = (
                f"run {experiment.number} of {experiment.name} is being reset, and goes on no "
                f"more; once its data is gone, `{rerun}` makes it again"
            )
            raise Conflict("NothingToResume", message)
        # The aborted run would else be aborted again at once.
        body |= annotated({RESUME: moment(), ABORT: None})
    elif unmet is not None:
        body |= annotated({ABORT: None})
    if not body:
        raise Conflict(
            "NothingToResume",
            f"{experiment.name} is neither suspended nor failed but {experiment.phase}; "
            "there is nothing to resume",
        )
    if unmet is None:
        return Change(body, experiment.taken_up)
    notice = f"run {unmet} of {experiment.name} is not aborted yet: that is called off"
    newest = replace(experiment.overall.run, number=experiment.number)
    return Change(body, newest if unmet == experiment.number else _next(experiment), notice)


def next_is_asked_for(experiment: Experiment) -> bool:
    """Whether it is known that a run after the newest is to begin."""
    if experiment.refused:
        return False
    if experiment.asked_rerun != str(experiment.run.get("rerun") or ""):
        return True
    digest = experiment.status.get("digest")
    changed = digest is not None and digest != experiment.run.get("digest")
    return is_judged(experiment) and (changed or not experiment.begun)


def is_judged(experiment: Experiment) -> bool:
    """Whether what the status says of the spec holds of it as it is now."""
    return experiment.seen and experiment.asked_rerun == str(experiment.status.get("rerun") or "")


def annotated(values: Mapping[str, str | None]) -> dict[str, Any]:
    """A merge patch that sets these annotations, or takes off what is None."""
    return {"metadata": {"annotations": dict(values)}}


def moment() -> str:
    """A text that no earlier request had."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _next(experiment: Experiment) -> RunRecord:
    """The run after the newest, of which nothing is known yet."""
    return RunRecord(
        experiment=experiment.name,
        namespace=experiment.namespace,
        number=(experiment.number or 0) + 1,
        state=State.PENDING,
    )


def _unmet_abort(experiment: Experiment) -> int | None:
    """The run that the operator is to abort and has not, None if there is none."""
    asked, newest = experiment.annotations.get(ABORT), experiment.number
    if asked is None or newest is None:
        return None
    if aborts(asked, newest, experiment.generation) and not experiment.ended:
        return newest
    is_of_next = aborts(asked, newest + 1, experiment.generation)
    return newest + 1 if is_of_next and next_is_asked_for(experiment) else None


def _can_be_withdrawn(experiment: Experiment) -> bool:
    """Whether the next run cannot have begun, and an annotation alone has asked for it.

    Of a run whose pods are gone the next may begin at any moment: back at the text of before, the
    rerun would be another run still. One that is suspended, or at work, is in its way.
    """
    asked, before = experiment.annotations.get(RERUN), str(experiment.run.get("rerun") or "")
    if not asked or asked == before or not (before or not experiment.spec.get("rerun")):
        return False
    if experiment.suspended and (experiment.seen or experiment.phase == "Suspended"):
        return True
    return experiment.begun and not experiment.ended


def _rerun_before(experiment: Experiment) -> str | None:
    """The annotation by which the newest run is the one that is asked for."""
    before = str(experiment.run.get("rerun") or "")
    return None if before == str(experiment.spec.get("rerun") or "") else before


def _unseen(experiment: Experiment, hold: str) -> str:
    """What to say of an edit that nobody has judged yet, "" if there is none."""
    if experiment.seen:
        return ""
    name, following = experiment.name, (experiment.number or 0) + 1
    return (
        f"the operator has not seen the last edit of {name} yet: if it is of the data, run "
        f"{following} begins all the same; to hold that too: {hold}"
    )


def _of_version(body: Mapping[str, Any], raw: Raw) -> dict[str, Any]:
    """The patch, of the Experiment as it was read alone."""
    version = raw["metadata"].get("resourceVersion")
    if version is None:
        return dict(body)
    return {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": version}}
