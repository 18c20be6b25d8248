"""A namespace in memory: Experiments, pods and their logs, what was patched; and its engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rowmill.cluster.engine import ClusterEngine
from rowmill.cluster.namespace import Pod, Raw, StampedLine
from rowmill.engine.cancellation import Cancellation
from rowmill.errors import NotFound
from rowmill.terminal.prose import notice

_FOR_EVER = 3_600.0


@dataclass
class FakeCluster:
    """`states` are what the Experiment looks like at each look; the last one stays.

    What was patched into its annotations is there, where a state does not say otherwise.
    """

    states: Sequence[Raw] = ()
    found_pods: Sequence[Pod] = ()
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    namespace: str = "team"
    patches: list[Raw] = field(default_factory=list)
    applied: list[Raw] = field(default_factory=list)
    # What is there once something is applied, if not that alone.
    after_apply: Raw | None = None
    deleted: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0
    time: datetime = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def experiment(self, name: str) -> Raw:
        state = self.states[min(self.looks, len(self.states) - 1)] if self.states else None
        if state is None or state["metadata"]["name"] != name:
            raise NotFound("ExperimentUnknown", f"there is no Experiment {name!r}")
        self.looks += 1
        return self._patched(state)

    def _patched(self, state: Raw) -> Raw:
        annotations: dict[str, str | None] = {}
        for patch in self.patches:
            annotations |= patch.get("metadata", {}).get("annotations", {})
        metadata = state["metadata"]
        annotations |= metadata["annotations"]
        there = {name: value for name, value in annotations.items() if value is not None}
        return {**state, "metadata": {**metadata, "annotations": there}}

    def experiments(self) -> Sequence[Raw]:
        return self.states

    def patch(self, name: str, body: Raw) -> None:
        self.patches.append(body)

    def apply(self, document: Raw, *, dry_run: bool) -> Raw:
        self.applied.append(document)
        if self.after_apply is not None:
            return self.after_apply
        return {**document, "metadata": {**document["metadata"], "namespace": self.namespace}}

    def delete(self, name: str, uid: str) -> None:
        self.deleted.append((name, uid))

    def pods(self, name: str, number: int) -> Sequence[Pod]:
        return self.found_pods

    def log(self, pod: str) -> Iterator[str]:
        yield from self.lines[pod]

    def follow_log(
        self, pod: str, since: str | None, cancellation: Cancellation
    ) -> Iterator[StampedLine]:
        """Two lines a second; a second is asked for whole, or not."""
        for number, text in enumerate(self.lines[pod]):
            second = f"2026-01-01T00:00:{number // 2:02}"
            if since is None or f"{second}Z" >= since:
                yield StampedLine(f"{second}.{number}Z", text)


def engine_of(cluster: FakeCluster, options: str = "") -> ClusterEngine:
    """An engine that waits for nothing between two looks, and whose clock goes by its sleep."""
    slept = 0.0

    def no_sleep(seconds: float) -> None:
        nonlocal slept
        assert seconds > 0
        slept += seconds
        assert slept < _FOR_EVER, "it waits for ever"

    return ClusterEngine(cluster, notice, no_sleep, options, lambda: slept)


def experiment(
    phase: str = "Running",
    *,
    reason: str | None = None,
    message: str = "",
    run_message: str = "",
    name: str = "shop",
    annotations: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **run: Any,
) -> dict[str, Any]:
    """An Experiment with 100 rows planned, as the operator writes its status."""
    has_ended = phase in ("Complete", "Failed", "Reset")
    ended = {"finishedAt": "2026-01-01T00:01:00Z"} if has_ended else {}
    words = {"reason": reason or phase, "message": message}
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": f"uid-of-{name}",
            "resourceVersion": "41",
            "generation": 3,
            "annotations": dict(annotations or {}),
        },
        "spec": {"tables": [], **(spec or {})},
        "status": {
            "observedGeneration": 3,
            "phase": phase,
            "workers": 2,
            "conditions": [
                {"type": "Accepted", "status": "True", "reason": "Valid", "message": ""},
                {"type": "Progressing", "status": "True", **words},
            ],
            "run": {
                "number": 1,
                "id": "abc123",
                "digest": "sha256:0",
                "dataVersion": 1,
                "rows": 40,
                "rowsTotal": 100,
                "startedAt": "2026-01-01T00:00:00Z",
                "shards": 4,
                "rerun": "",
                "message": run_message,
                **ended,
                **run,
            },
            "tables": [
                {
                    "name": "orders",
                    "rows": 40,
                    "rowsTotal": 100,
                    "batches": 5,
                    "completedBatches": "0-1",
                },
                {"name": "empty", "rows": 0, "rowsTotal": 0, "batches": 0, "completedBatches": ""},
            ],
            **(status or {}),
        },
    }
