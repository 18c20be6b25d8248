"""The validator's process: judges manifests and freezes plans, one JSON line a request.

It runs apart from the operator and under limits, because a manifest is anybody's text: what one
costs in time or memory must not stall or kill the rest.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from rowmill.plan.bundle import Bundle, pack
from rowmill.plan.freeze import freeze
from rowmill.plan.layout import Plan
from rowmill.plan.pod_contract import DEFAULT_PARALLELISM
from rowmill.spec.cluster import Defaults, cluster_problems, on_cluster
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec, sound_parts
from rowmill.spec.manifest.text import manifest_text
from rowmill.spec.places import located
from rowmill.spec.problems import InvalidManifest, Problem
from rowmill.spec.rules.warnings import manifest_warnings
from rowmill.spec.values.quantities import parse_quantity
from rowmill_operator.model.shortening import shortened

# A ConfigMap holds 1 MiB with its names and labels; base64 is its wire form, not its size.
MAX_BUNDLE = 900 * 2**10
DEFAULT_MEMORY = 512 * 2**20
# A process that has grown beyond this ends after its answer, and gives its memory back.
_GROWN = 80 * 2**20
_PROBLEMS = 50
_PROBLEM_CHARACTERS = 500

Answer = dict[str, Any]


def main() -> None:
    """Answer requests until standard input ends, with as many bytes of memory as the argument."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    _be_first_to_go()
    for line in sys.stdin.buffer:
        answer, last = _answer(line)
        sys.stdout.buffer.write(json.dumps(answer | {"last": last}).encode() + b"\n")
        sys.stdout.buffer.flush()
        if last:
            return


def judge(request: Mapping[str, Any]) -> Answer:
    """What is wrong with a manifest: {"problems"}, or else {"digest", "warnings"}."""
    try:
        return _accepted(_checked(request), request)
    except InvalidManifest as error:
        return {"problems": _bounded(error.problems)}


def freeze_run(request: Mapping[str, Any]) -> Answer:
    """The bundle of a run in base64: {"digest", "warnings", "bundle"}.

    Or else {"problems"}, or {"bytes"} if it is too large.
    """
    try:
        spec = _checked(request)
    except InvalidManifest as error:
        return {"problems": _bounded(error.problems)}
    bundle = pack(
        Bundle(
            engine=request["engine"],
            namespace=request["namespace"],
            uid=request["uid"],
            number=request["number"],
            adopt=request["adopt"],
            image=request["image"],
            manifest=_manifest(request),
            defaults=Defaults.from_json(request["defaults"]),
            plan=_plan(spec, request),
        )
    )
    if len(bundle) > MAX_BUNDLE:
        return {"bytes": len(bundle)}
    return _accepted(spec, request) | {"bundle": base64.b64encode(bundle).decode()}


def _accepted(spec: Spec, request: Mapping[str, Any]) -> Answer:
    warnings = located(manifest_warnings(spec), manifest_text(_manifest(request)))
    return {"digest": spec.digest, "warnings": _bounded(warnings)}


def _bounded(found: Sequence[Problem]) -> list[str]:
    return [shortened(each.text, _PROBLEM_CHARACTERS) for each in found[:_PROBLEMS]]


def _checked(request: Mapping[str, Any]) -> Spec:
    text = manifest_text(_manifest(request))
    problems: list[Problem] = []
    spec = None
    try:
        last = request["dataVersion"]
        spec = load_spec("the Experiment", text=text, last_version=lambda _: last)
    except InvalidManifest as error:
        problems += error.problems
    # What only a cluster refuses is told beside the rest, in one round.
    sound = sound_parts(text)
    if sound is not None:
        defaults = _defaults(spec, request)
        accounts = request["serviceAccounts"]
        found = cluster_problems(sound.experiment, defaults, accounts, sound.doubts)
        problems += located(found, text)
    if problems or spec is None:
        raise InvalidManifest(problems)
    return spec


def _defaults(spec: Spec | None, request: Mapping[str, Any]) -> Defaults:
    """A next run's, or those that the newest run was planned by if this is its spec.

    One that is wrong may become it.
    """
    planned_by = request.get("plannedBy")
    if planned_by is not None and (spec is None or spec.digest == request["planned"]):
        return Defaults.from_json(planned_by)
    return Defaults.from_json(request["defaults"])


def _manifest(request: Mapping[str, Any]) -> dict[str, Any]:
    """The Experiment with what counts alone, and the `rerun` that holds."""
    manifest = json.loads(request["manifest"])
    spec = dict(manifest.get("spec") or {})
    spec.pop("rerun", None)
    if request["rerun"]:
        spec["rerun"] = request["rerun"]
    return {
        "apiVersion": manifest.get("apiVersion"),
        "kind": manifest.get("kind"),
        "metadata": {"name": manifest["metadata"]["name"], "namespace": request["namespace"]},
        "spec": spec,
    }


def _plan(spec: Spec, request: Mapping[str, Any]) -> Plan:
    placed = on_cluster(spec, request["namespace"], Defaults.from_json(request["defaults"]))
    return freeze(
        spec.dataset,
        digest=placed.digest,
        parallelism=spec.parallelism or DEFAULT_PARALLELISM,
        worker_memory=spec.memory_limit or _memory(request["memory"]),
        parquet_types=spec.parquet_types,
        batch_rows=spec.batch_rows,
    )


def _memory(limit: str | int | None) -> int:
    return DEFAULT_MEMORY if limit is None else int(parse_quantity(str(limit)))


def _answer(line: bytes) -> tuple[Answer, bool]:
    try:
        request = json.loads(line)
        answer = {"judge": judge, "freeze": freeze_run}[request["do"]](request)
    except MemoryError:
        return {"memory": True}, True
    except RecursionError:
        return {"problems": ["the manifest is nested too deep; flatten it"]}, True
    return answer, _grown()


def _grown() -> bool:
    return bool(psutil.Process().memory_info().rss > _GROWN)


def _be_first_to_go() -> None:
    """Have the kernel choose this process when the pod's memory runs out, not the operator."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:
        # Not on this system: then it is only less certain whom the kernel chooses.
        return


if __name__ == "__main__":
    main()
