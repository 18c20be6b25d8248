"""Takes in what the API server answers, and has an experiment looked at if that is news."""

from __future__ import annotations

from dataclasses import dataclass

from rowmill_operator.memory.queue import WorkQueue
from rowmill_operator.memory.resources import Resource
from rowmill_operator.memory.store import Store
from rowmill_operator.memory.views import Raw


@dataclass(frozen=True)
class Intake:
    """What is known, and who is to be looked at because of it."""

    store: Store
    queue: WorkQueue

    def saw(self, resource: Resource, raw: Raw) -> None:
        """Take in an object, and look again if that is news."""
        key = self.store.see(resource, raw)
        if key is not None:
            self.queue.add(key)
