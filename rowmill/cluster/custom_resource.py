"""The custom resource of an Experiment as the API server tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rowmill.errors import Conflict
from rowmill.spec.cluster_names import FINALIZER


@dataclass(frozen=True)
class CustomResource:
    """What stands in it, with what is missing filled in."""

    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.raw["metadata"]["namespace"])

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.raw.get("spec") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.raw["metadata"].get("annotations") or {}

    @property
    def status(self) -> Mapping[str, Any]:
        return self.raw.get("status") or {}

    @property
    def phase(self) -> str:
        return str(self.status.get("phase") or "Pending")

    @property
    def run(self) -> Mapping[str, Any]:
        """The newest run, {} before the first."""
        return self.status.get("run") or {}

    @property
    def number(self) -> int | None:
        """The newest run's number."""
        return self.run.get("number")

    @property
    def begun(self) -> bool:
        """Whether what is shown is of the newest run, and no other is about to take its place."""
        return self.number is not None and "rows" in self.run

    @property
    def suspended(self) -> bool:
        """Whether its spec asks for no worker."""
        return self.spec.get("suspend") is True

    @property
    def ended(self) -> bool:
        """Whether there is a newest run and it has ended, as far as the operator has seen."""
        return self.run.get("finishedAt") is not None

    @property
    def generation(self) -> int:
        """Which edit of the spec this is; 0 where nothing tells."""
        return int(self.raw["metadata"].get("generation") or 0)

    @property
    def seen(self) -> bool:
        """Whether the status is of the spec as it is now."""
        return bool(self.status.get("observedGeneration") == self.raw["metadata"].get("generation"))

    @property
    def refused(self) -> bool:
        """Whether the operator has refused the spec as it is now, so that no run of it begins."""
        accepted = self.conditions.get("Accepted", {})
        now = self.raw["metadata"].get("generation")
        return accepted.get("status") == "False" and accepted.get("observedGeneration") == now

    @property
    def reason(self) -> str:
        """One word for programs, from the condition that says best what is so, or Deleting."""
        if self.leaving is not None:
            return "Deleting"
        return str(self.condition.get("reason") or "")

    @property
    def message(self) -> str:
        """What it does or waits for, for people."""
        if self.leaving is not None:
            return self.leaving
        if not self.status:
            return "the operator has not met it yet"
        return str(self.condition.get("message") or self.run.get("message") or "")

    @property
    def leaving(self) -> str | None:
        """What its deletion waits for, None while nobody has deleted it."""
        metadata = self.raw["metadata"]
        if not metadata.get("deletionTimestamp"):
            return None
        kept_by = metadata.get("finalizers") or ()
        if FINALIZER not in kept_by:
            return f"is being deleted: waits for the finalizers {', '.join(kept_by) or 'to go'}"
        purge = self.spec.get("deletionPolicy") == "Purge"
        what = "its operator is to remove its data first" if purge else "its operator lets it go"
        stalled, known = self.conditions.get("Stalled", {}), self.condition
        if stalled.get("status") != "True" or stalled.get("message") == known.get("message"):
            return f"is being deleted: {what}"
        return f"is being deleted: {what}; {stalled.get('reason')}: {stalled.get('message')}"

    def refuse_if_leaving(self) -> None:
        """Raise Conflict of what nobody can ask anything of any more."""
        if self.leaving is not None:
            raise Conflict("Deleting", f"{self.name} {self.leaving}")

    @property
    def verification(self) -> Mapping[str, Any] | None:
        """What the operator tells of the last request to verify that was met."""
        return self.status.get("verification")

    @property
    def conditions(self) -> dict[str, Mapping[str, Any]]:
        """Its status's conditions by type."""
        return {each["type"]: each for each in self.status.get("conditions") or ()}

    @property
    def condition(self) -> Mapping[str, Any]:
        """The condition that says best what is so: a refusal, else what all others repeat."""
        conditions = self.conditions
        accepted = conditions.get("Accepted", {})
        return accepted if accepted.get("status") == "False" else conditions.get("Progressing", {})
