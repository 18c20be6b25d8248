"""The Experiment that a manifest becomes on a cluster, with what is set over it."""

from __future__ import annotations

from typing import Any, cast

from rowmill.engine.request import ApplyRequest, Mode
from rowmill.errors import Unsupported
from rowmill.spec.cluster_names import ABORT, ADOPT, RERUN, RESUME
from rowmill.spec.load import load_spec
from rowmill.spec.manifest.structure import read_structure


def document_of(request: ApplyRequest, moment: str) -> dict[str, Any]:
    """The Experiment to apply.

    Args:
        request: what to run, and how.
        moment: a text that no earlier request had, by which the operator tells one from another.

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
    asked = _annotations(request, moment)
    metadata = raw["metadata"]
    annotations = {**(metadata.get("annotations") or {}), **asked}
    return {**raw, "metadata": {**metadata, "annotations": annotations}, "spec": spec}


def _annotations(request: ApplyRequest, moment: str) -> dict[str, str]:
    again = {RERUN: moment}
    asked = {Mode.RERUN: again, Mode.RESTART: again, Mode.RESUME: {RESUME: moment, ABORT: ""}}
    adopt = {} if request.adopt is None else {ADOPT: request.adopt}
    return {**asked.get(request.mode, {}), **adopt}
