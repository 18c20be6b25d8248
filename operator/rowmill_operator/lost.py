"""Pods that should have ended long ago: their node does not answer, so they are given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rowmill_operator.actions import Action, Decision, DeletePod, Tell
from rowmill_operator.observed import Observed, Pod
from rowmill_operator.reasons import Reason

LOST_AFTER = timedelta(minutes=2)


def give_up_lost(decision: Decision, observed: Observed, now: datetime) -> Decision:
    """The decision, and the lost force-deleted with an Event each; looked at again for the next.

    A twin that still works is harmless.
    """
    actions: list[Action] = []
    waits = [] if decision.again_after is None else [decision.again_after]
    for pod, left in _ending(observed, now):
        if left > 0:
            waits.append(left)
            continue
        message = f"pod {pod.name} does not end: node {pod.node} does not answer"
        actions += [DeletePod(pod.name, pod.uid), Tell(Reason.NODE_LOST, message, warning=True)]
    return replace(
        decision, actions=(*actions, *decision.actions), again_after=min(waits, default=None)
    )


def _ending(observed: Observed, now: datetime) -> Iterator[tuple[Pod, float]]:
    """Pods that are being deleted and may still be at work, with the seconds that are left them."""
    for pod in observed.pods:
        if pod.deleted is not None and pod.live:
            yield pod, (pod.deleted + LOST_AFTER - now).total_seconds()
