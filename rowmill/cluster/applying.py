"""The Experiment that a manifest becomes on a cluster, and what is asked of it besides."""

from __future__ import annotations

from typing import Any, cast

from rowmill.cluster.experiment import Experiment
from rowmill.engine.request import ApplyRequest, Mode
from rowmill.errors import Unsupported
from rowmill.spec.cluster_names import ABORT, ADOPT, RERUN, RESUME
from rowmill.spec.load import load_spec
from rowmill.spec.manifest.structure import read_structure


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
