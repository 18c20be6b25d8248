"""An Experiment as the commands speak of it, read from its custom resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rowmill.plan.intervals import count, parse
from rowmill.plan.pace import percent
from rowmill.plan.replacement import replaced_by
from rowmill.spec.cluster_names import RERUN, RESUME, RESUME_LENGTH


@dataclass(frozen=True)
class Experiment:
    """A custom resource and the words for it."""

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
    def rows(self) -> int:
        """Durable rows of the newest run."""
        return self.run.get("rows") or 0

    @property
    def rows_total(self) -> int:
        """Planned rows of the newest run; 0 while it is not known which that is."""
        return (self.run.get("rowsTotal") or 0) if self.begun else 0

    @property
    def percent(self) -> int:
        """The whole percent of durable rows, rounded down; 100 of a complete run without rows."""
        return percent(self.rows, self.rows_total, complete=self.phase == "Complete")

    @property
    def tables(self) -> Sequence[Mapping[str, Any]]:
        """As `rowmill status` has them: name, rows, rowsTotal, batches, batchesDone and which."""
        return [
            {
                "name": table["name"],
                "rows": table.get("rows") or 0,
                "rowsTotal": table.get("rowsTotal") or 0,
                "batches": table.get("batches") or 0,
                "batchesDone": _batches_done(table),
                "completedBatches": table.get("completedBatches") or "",
            }
            for table in (self.status.get("tables") or () if self.begun else ())
        ]

    @property
    def reason(self) -> str:
        """One word for programs, from the condition that says best what is so."""
        return str(self._telling().get("reason") or "")

    @property
    def message(self) -> str:
        """What it does or waits for, for people."""
        return str(self._telling().get("message") or self.run.get("message") or "")

    @property
    def suspended(self) -> bool:
        """Whether its spec asks for no worker."""
        return self.spec.get("suspend") is True

    @property
    def ended(self) -> bool:
        """Whether there is a newest run and it has ended, as far as the operator has seen."""
        return self.run.get("finishedAt") is not None

    @property
    def settled(self) -> bool:
        """Whether the newest run has ended and the operator has seen all that was asked of it."""
        return self.phase in ("Complete", "Failed") and not self.asks_more

    @property
    def asks_more(self) -> bool:
        """Whether something was asked for that the newest run is not the answer to yet."""
        seen = self.status.get("observedGeneration") == self.raw["metadata"].get("generation")
        asked = self.annotations.get(RERUN) or self.spec.get("rerun") or ""
        if not seen or str(asked) != str(self.run.get("rerun") or ""):
            return True
        # Of what is complete there is nothing to resume.
        resume = self.annotations.get(RESUME, "")[:RESUME_LENGTH]
        return self.phase == "Failed" and resume != str(self.run.get("resume") or "")

    @property
    def refused(self) -> bool:
        """Whether the operator has refused the spec as it is now, so that no run of it begins."""
        accepted = self._conditions().get("Accepted", {})
        now = self.raw["metadata"].get("generation")
        return accepted.get("status") == "False" and accepted.get("observedGeneration") == now

    def runs(self) -> list[dict[str, Any]]:
        """The runs that are remembered, the newest last, as `rowmill runs` lists them.

        Of past runs the status does not know how many rows were planned.
        """
        past = [self._past(run) for run in self.status.get("history") or ()]
        newest = [self._newest()] if self.begun else []
        past = [run for run in past if not newest or run["run"] != self.number]
        known = sorted(past, key=lambda run: int(run["run"])) + newest
        complete = [run for run in known if run["state"] == "COMPLETED"]
        # Where a pod left no id, runs are told from each other by what they made.
        name = "id" if all(run["id"] for run in complete) else "digest"
        newer = replaced_by((run["run"], str(run[name])) for run in complete)
        return [{**run, "replacedBy": newer.get(run["run"])} for run in known]

    def document(self) -> dict[str, Any]:
        """What `rowmill status` prints as JSON, and what only a cluster has."""
        return {
            **self._newest(),
            "percent": self.percent,
            "tables": self.tables,
            "namespace": self.namespace,
            "phase": self.phase,
            "reason": self.reason,
            "rowsPerSecond": self.run.get("rowsPerSecond"),
            "etaSeconds": self.run.get("etaSeconds"),
            "workers": self.status.get("workers"),
            "conditions": self.status.get("conditions") or [],
        }

    def _newest(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "run": self.number if self.begun else None,
            "id": self.run.get("id") if self.begun else None,
            "state": _state(self.phase, self.reason),
            "message": self.message,
            "digest": self.run.get("digest"),
            "dataVersion": self.run.get("dataVersion"),
            "rows": self.rows,
            "rowsTotal": self.rows_total,
            "startedAt": self.run.get("startedAt") if self.begun else None,
            "finishedAt": self.run.get("finishedAt") if self.begun else None,
            "replacedBy": None,
        }

    def _past(self, run: Mapping[str, Any]) -> dict[str, Any]:
        reason = str(run.get("reason") or "")
        return {
            "name": self.name,
            "run": run["number"],
            "id": run.get("id"),
            "state": _state(str(run.get("phase") or ""), reason),
            "message": reason,
            "digest": run.get("digest"),
            "dataVersion": None,
            "rows": run.get("rows") or 0,
            "rowsTotal": run.get("rows") if run.get("phase") == "Complete" else None,
            "startedAt": run.get("startedAt"),
            "finishedAt": run.get("finishedAt"),
        }

    def _conditions(self) -> dict[str, Mapping[str, Any]]:
        return {each["type"]: each for each in self.status.get("conditions") or ()}

    def _telling(self) -> Mapping[str, Any]:
        """The condition that says best what is so: a refusal, else what all others repeat."""
        conditions = self._conditions()
        accepted = conditions.get("Accepted", {})
        return accepted if accepted.get("status") == "False" else conditions.get("Progressing", {})


def _batches_done(table: Mapping[str, Any]) -> int:
    """How many batches are durable. Of very scattered ones the intervals do not name all."""
    rows, each = table.get("rows") or 0, table.get("batchRows")
    if each:
        return -(-int(rows) // int(each))
    return count(parse(table.get("completedBatches") or ""))


def _state(phase: str, reason: str) -> str:
    """A phase in the words of the ledger, in which `rowmill` speaks."""
    if phase == "Failed" and reason == "Aborted":
        return "ABORTED"
    return "COMPLETED" if phase == "Complete" else phase.upper()
