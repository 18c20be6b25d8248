"""The ConfigMap of a run: its frozen plan and spec, immutable, by which its pods work."""

from __future__ import annotations

import base64
from typing import Any

from rowmill.plan.bundle import FILE
from rowmill.spec.cluster_names import ASK_RESET, PLAN, RELEASE, SEEN
from rowmill_operator.children.ownership import controller_reference
from rowmill_operator.model.names import labels, plan_name
from rowmill_operator.model.observed import Experiment


def config_map(
    experiment: Experiment, number: int, digest: str, bundle: bytes, release: str
) -> dict[str, Any]:
    """The ConfigMap of run `number`; `bundle` is gzipped JSON, `release` the installation."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": plan_name(experiment.name, number),
            "namespace": experiment.namespace,
            "labels": labels(experiment.name, number, PLAN, digest),
            "annotations": {
                SEEN: experiment.resource_version,
                RELEASE: release,
                # What is asked for by now is not asked of this run.
                ASK_RESET: experiment.annotations.get(ASK_RESET, ""),
            },
            "ownerReferences": [controller_reference(experiment.name, experiment.uid)],
        },
        "immutable": True,
        "binaryData": {FILE: base64.b64encode(bundle).decode("ascii")},
    }
