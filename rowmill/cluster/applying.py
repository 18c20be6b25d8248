"""The Experiment that a manifest becomes on a cluster, and what is asked of it besides."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, cast

from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Cluster
from rowmill.cluster.steering import is_judged
from rowmill.engine.request import ApplyRequest, Mode
from rowmill.errors import Conflict, NotFound, Unsupported
from rowmill.spec.cluster_names import ABORT, ADOPT, API_VERSION, KIND, RERUN, RESUME
from rowmill.spec.load import load_spec
from rowmill.spec.manifest.structure import read_structure
from rowmill.spec.problems import InvalidManifest
from rowmill.spec.wishes import aborts


def document_of(request: ApplyRequest) -> dict[str, Any]:
    """The Experiment to apply.

    Raises:
        InvalidManifest: the manifest is no good, with all its problems.
        Unsupported: SecretFiles, secrets are given as files.
    """
    if request.secrets:
        raise Unsupported(
            "SecretFiles", "a cluster takes no files of secrets: make a Secret of the namespace"
        )
    load_spec("the manifest", text=request.manifest, overrides=request.overrides)
    raw = cast(dict[str, Any], read_structure(request.manifest).raw)
    over = {
        "scale": request.overrides.scale,
        "seed": request.overrides.seed,
        "parallelism": request.workers,
        "batchRows": request.batch_rows,
    }
    spec = {**raw["spec"], **{key: value for key, value in over.items() if value is not None}}
    metadata = raw["metadata"]
    adopt = {} if request.adopt is None else {ADOPT: request.adopt}
    annotations = {**(metadata.get("annotations") or {}), **adopt}
    return {**raw, "metadata": {**metadata, "annotations": annotations}, "spec": spec}


def refuse_to_take_over(cluster: Cluster, name: str) -> None:
    """Raise Conflict, AlreadyExists, if there is an Experiment of that name."""
    with suppress(NotFound):
        cluster.experiment(name)
        raise Conflict("AlreadyExists", f"there is an Experiment {name!r} already")


def begins_by_itself(before: Experiment | None, applied: Experiment) -> bool:
    """Whether the operator begins a next run because what was applied changes the data.

    False where that is not sure. To ask for a run besides is to ask for another, by a request after
    the one that changed the spec.
    """
    if before is None or before.number is None or not _is_of_its_run(before):
        return False
    if aborts(before.annotations.get(ABORT), before.number + 1, applied.generation):
        # It is to be called off with what asks for that run.
        return False
    digests = [_digest(each, applied.asked_rerun) for each in (before, applied)]
    return None not in digests and digests[0] != digests[1]


def _is_of_its_run(experiment: Experiment) -> bool:
    """Whether the operator has seen that the newest run is of the spec as it is."""
    digest = experiment.status.get("digest")
    return is_judged(experiment) and digest is not None and digest == experiment.run.get("digest")


def _digest(experiment: Experiment, rerun: str) -> str | None:
    """What tells its data from others', with the rerun that is asked for; None if it is refused."""
    spec = {**experiment.spec, "rerun": rerun} if rerun else experiment.spec
    metadata = {"name": experiment.name}
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
    try:
        return load_spec("the manifest", text=json.dumps(manifest, default=float)).digest
    except InvalidManifest:
        return None


def annotations_of(mode: Mode, applied: Experiment, moment: str) -> dict[str, str | None]:
    """What asks for `mode` of what was applied; {} if there is nothing to ask.

    That is no part of what is applied: whoever applies the same manifest later has it without, and
    the API server takes off what an apply no longer names, which asks for another run.

    Args:
        mode: what is wished.
        applied: the Experiment as it is now.
        moment: a text that no earlier request had, by which the operator tells one from another.
    """
    if applied.number is None:
        # Its first run begins as it is.
        return {}
    # A run that is aborted would be so again at once, also a next one of its number.
    if mode in (Mode.RERUN, Mode.RESTART):
        return {RERUN: moment, ABORT: None}
    if mode is Mode.RESUME and applied.phase == "Failed":
        return {RESUME: moment, ABORT: None}
    return {}
