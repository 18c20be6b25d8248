"""How far a live run is, as its supervisor tells it by the ledger: both written and read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rowmill.plan.layout import Plan, TableLayout


@dataclass(frozen=True)
class LiveProgress:
    """What a supervisor tells of its run; of nothing else, and nothing that is secret.

    `rows` are those by table that are durable in every destination. `step` says what is being done,
    `workers` is how many processes are at it. None of the rates: nobody knows yet. `waits_for` says
    which server or session keeps them waiting, "" if none does.
    """

    step: str
    workers: int
    rows: Mapping[str, int]
    rows_per_second: float | None = None
    eta_seconds: float | None = None
    waits_for: str = ""

    def to_json(self, plan: Plan) -> dict[str, Any]:
        """As the ledger keeps it; `plan` is the run's."""
        tables = [
            {
                "name": layout.table,
                "rows": rows,
                "batchesDone": batches_of_rows(layout, rows),
            }
            for layout in plan.tables
            for rows in [self.rows.get(layout.table, 0)]
        ]
        return {
            "step": self.step,
            "workers": self.workers,
            "rowsPerSecond": self.rows_per_second,
            "etaSeconds": self.eta_seconds,
            "waitsFor": self.waits_for,
            "tables": tables,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> LiveProgress | None:
        """What `to_json` gave; None of what another release wrote that is not so."""
        try:
            return cls(
                step=str(body["step"]),
                workers=int(body["workers"]),
                rows={str(table["name"]): int(table["rows"]) for table in body["tables"]},
                rows_per_second=_figure(body.get("rowsPerSecond")),
                eta_seconds=_figure(body.get("etaSeconds")),
                waits_for=str(body.get("waitsFor") or ""),
            )
        except (KeyError, TypeError, ValueError):
            return None


def batches_of_rows(layout: TableLayout, rows: int) -> int:
    """How many batches so many durable rows are, at the least.

    The last batch of each part may have fewer rows than the others.
    """
    return layout.batches if rows >= layout.rows else rows // layout.batch_rows


def _figure(value: Any) -> float | None:
    return None if value is None else float(value)
