"""An Experiment as the commands speak of it, read from its custom resource."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rowmill.cluster.custom_resource import CustomResource
from rowmill.cluster.verdicts import verdict_on
from rowmill.engine.json_records import time_from_json
from rowmill.engine.records import ExperimentRecord, Progress, RunRecord, State, TableProgress
from rowmill.errors import Conflict, NotFound
from rowmill.plan.intervals import count, parse, show, union
from rowmill.plan.replacement import replaced_by
from rowmill.spec.cluster_names import (
    API_VERSION,
    ASK_RESET,
    KIND,
    RERUN,
    RESUME,
    RESUME_LENGTH,
)
from rowmill.spec.wishes import next_wish, read_wish

# Of its metadata: what its author may have written.
_APPLIED = ("name", "labels", "annotations")
_ENDS = ("Complete", "Failed", "Reset")
_UNANSWERED = "the operator has not looked at what was asked for yet"


class Experiment(CustomResource):
    """A custom resource and the words for it."""

    @property
    def overall(self) -> Progress:
        """How far the newest run is as a whole, without its tables.

        Before it has begun, what is waited for, without figures.
        """
        run = self.run if self.begun else {}
        state = State.of_phase(self.phase, str(self.condition.get("reason") or ""))
        fields = {"reason": self.reason or None, "message": self.message}
        record = self._record(run, state=state, **fields)
        return Progress(
            record,
            (),
            rows_per_second=run.get("rowsPerSecond"),
            eta_seconds=run.get("etaSeconds"),
            step=run.get("step") or None,
            workers=self.status.get("workers") if run else None,
            last_updated=time_from_json(run.get("lastUpdated")),
        )

    @property
    def answer(self) -> RunRecord:
        """The run that answers what was asked for so far; of one that has not begun, no number."""
        return self.next_run if self.asks_more else self.overall.run

    @property
    def next_run(self) -> RunRecord:
        """The run that comes after the newest, of which nothing is known yet."""
        return self._record({}, state=State.SUSPENDED if self.suspended else State.PENDING)

    @property
    def awaited(self) -> Progress:
        """What is shown while the operator is yet to answer what was asked for since a run ended.

        That run's own end would look like the answer.
        """
        if not self.ended or not self.asks_more or self.phase not in _ENDS:
            return self.progress
        if self.leaving is not None or self.refused:
            return self.progress
        if self.seen and self.asked_rerun == str(self.run.get("rerun") or ""):
            return replace(self.progress, run=replace(self.taken_up, message=_UNANSWERED))
        return Progress(replace(self.next_run, message=_UNANSWERED), ())

    @property
    def taken_up(self) -> RunRecord:
        """The newest run once it is to go on; one that is complete stays so."""
        run = self.overall.run
        if run.state is State.COMPLETED:
            return run
        return replace(run, state=State.PENDING, reason=None, message="", finished_at=None)

    @property
    def progress(self) -> Progress:
        """How far the newest run is, table by table; of one that has not begun there are none."""
        tables = tuple(
            TableProgress.from_json({**table, "batchesDone": _batches_done(table)})
            for table in (self.status.get("tables") or () if self.begun else ())
        )
        return replace(self.overall, tables=tables)

    @property
    def unfinished(self) -> bool:
        """Whether its newest run was begun, and can go on to an end that it has not reached."""
        return self.begun and (not self.ended or self.phase == "Failed")

    @property
    def settled(self) -> bool:
        """Whether the newest run has ended and the operator has seen all that was asked of it.

        Or is suspended, which is an end for whoever waits, also of what was asked for since.
        """
        if self.phase == "Suspended":
            return self.seen
        return self.phase in _ENDS and not self.asks_more

    @property
    def asked_rerun(self) -> str:
        """The text by which the run that is asked for is told from others of the same spec."""
        return str(self.annotations.get(RERUN) or self.spec.get("rerun") or "")

    @property
    def asks_more(self) -> bool:
        """Whether something was asked for that the newest run is not the answer to yet."""
        if not self.seen or self.asked_rerun != str(self.run.get("rerun") or ""):
            return True
        return self.to_be_resumed

    @property
    def to_be_resumed(self) -> bool:
        """Whether the newest run has failed and is to go on, which the operator has not seen."""
        # Of what is complete there is nothing to resume.
        resume = self.annotations.get(RESUME, "")[:RESUME_LENGTH]
        return self.phase == "Failed" and resume != str(self.run.get("resume") or "")

    @property
    def published(self) -> RunRecord | None:
        """The run whose data readers see: the newest complete one, unless a reset came since."""
        # The newest run is in no history yet while the next one, which is planned, hides it.
        ends = self.run.get("outcome") and not self.begun
        hidden = [self._past({**self.run, "phase": self.run["outcome"]})] if ends else []
        for run in reversed([*self.runs(), *hidden]):
            if run.state is State.COMPLETED:
                return run
            if run.state is State.RESET:
                return None
        return None

    @property
    def reset(self) -> Mapping[str, Any]:
        """What the operator tells of the last request to reset the newest run that was met."""
        return self.run.get("reset") or {}

    @property
    def being_reset(self) -> bool:
        """Whether a request to reset the newest run stands, and has not been met."""
        wish = read_wish(self.annotations.get(ASK_RESET))
        if wish is None or wish.number != self.number:
            return False
        return not wish.is_met_by(str(self.reset.get("request") or ""))

    def next_request(self, annotation: str, number: int) -> str:
        """What asks for run `number` by this annotation once more: `N`, or `N.k` after that.

        Raises:
            Conflict: AskedTooOften, none that comes after the last could be read.
        """
        met = (self.verification or {}, self.reset)
        before = (self.annotations.get(annotation), *(each.get("request") for each in met))
        wish = next_wish(number, before)
        if wish is None:
            last = ", ".join(dict.fromkeys(filter(None, before)))
            raise Conflict(
                "AskedTooOften",
                f"run {number} of {self.name} was asked for as {last} ({annotation}), after which "
                "there is no number; a rerun can be asked for again",
            )
        return wish.request

    def runs(self) -> list[RunRecord]:
        """The runs that are remembered, the newest last, as `rowmill runs` lists them.

        Of past runs the status does not know how many rows were planned.
        """
        history = self.status.get("history") or ()
        by_number = {int(run["number"]): self._past(run) for run in history}
        if self.begun:
            by_number[int(self.run["number"])] = self.overall.run
        known = sorted(by_number.items())
        complete = [(number, run) for number, run in known if run.state is State.COMPLETED]
        # Where a pod left no id, runs are told from each other by what they made.
        by_id = all(run.id for _, run in complete)
        names = ((number, str(run.id if by_id else run.digest)) for number, run in complete)
        newer = replaced_by(names)
        return [replace(run, replaced_by=newer.get(number)) for number, run in known]

    def unknown_run(self, number: int | None) -> NotFound:
        """The error of a run that is not the newest and that the status does not remember."""
        known = [run.number for run in self.runs() if run.number is not None]
        told = f"it tells of {_named(known)}" if known else "it tells of none yet"
        message = f"the status of {self.name} tells of no run {number}; {told}"
        return NotFound("RunUnknown", message)

    def record(self) -> ExperimentRecord:
        """The experiment, as a list of them has it."""
        metadata = self.raw["metadata"]
        return ExperimentRecord(
            name=self.name,
            namespace=self.namespace,
            uid=metadata.get("uid"),
            manifest=json.dumps(self._manifest(), indent=2, ensure_ascii=False),
            etag=str(metadata.get("resourceVersion") or ""),
            suspended=self.suspended,
            newest=self.overall,
        )

    def _manifest(self) -> dict[str, Any]:
        """What somebody applied, as far as the API server still tells."""
        known = self.raw["metadata"]
        metadata = {key: known[key] for key in _APPLIED if key in known}
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": metadata,
            "spec": self.spec,
        }

    def _past(self, run: Mapping[str, Any]) -> RunRecord:
        state = State.of_phase(run.get("phase"), run.get("reason"))
        total = run.get("rows") if state is State.COMPLETED else None
        return self._record(run, state=state, rowsTotal=total)

    def _record(self, run: Mapping[str, Any], **fields: Any) -> RunRecord:
        whose = {"experiment": self.name, "namespace": self.namespace}
        record = RunRecord.from_json({**run, **whose, **fields})
        return replace(record, verification=verdict_on(self, record))


def _named(numbers: Sequence[int]) -> str:
    """Such as `the runs 2 to 5, 7`; not all need be there, of those before the published one."""
    shown = show(union((each, each + 1) for each in numbers)).replace("-", " to ")
    return f"run {shown}" if len(numbers) == 1 else f"the runs {shown}"


def _batches_done(table: Mapping[str, Any]) -> int:
    """How many batches are durable; at least so many where they are very scattered.

    The intervals do not name all then, and the last batch of each part may have fewer rows.
    """
    rows, each = table.get("rows") or 0, table.get("batchRows")
    if rows and rows == table.get("rowsTotal"):
        return int(table.get("batches") or 0)
    named = count(parse(table.get("completedBatches") or ""))
    return max(named, -(-int(rows) // int(each))) if each else named
