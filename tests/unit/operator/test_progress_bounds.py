"""What is written of progress is within the plan, and of a bounded size."""

from __future__ import annotations

import json

from rowmill.plan.layout import Plan, TableLayout
from rowmill.spec.manifest.status import MAX_TABLES, ExperimentStatus
from rowmill_operator.decide.progress import MAX_INTERVALS, run_progress
from rowmill_operator.memory.stored_status import status_json
from tests.unit.operator.pod_reports import pod_progress


def _plan(tables: int, batches: int) -> Plan:
    layouts = [TableLayout(f"t{n}", batches * 10, 10, 10, 10, 10) for n in range(tables)]
    return Plan("sha256:1", 1, tuple(layouts), (tables * batches,))


def test_batches_that_the_plan_has_not_are_not_shown() -> None:
    report = pod_progress(1, 10.0, "", {"t0": ((3, 7), (8, 10**17))})
    (table,) = run_progress(_plan(1, 10), (), {0: report}, {"t0": [(20, 30)]}).tables
    assert table.completed_batches == "3-6,8-9"
    assert table.rows == 60


def test_scattered_batches_of_many_tables_leave_room_for_a_large_spec() -> None:
    """The server keeps 1.5 MiB of an object, of which the spec may have 1 and the history more."""
    batches = 999_999
    scattered = [(n, n + 2) for n in range(900_000, 901_000, 4)]
    known = {f"t{n}": scattered for n in range(MAX_TABLES)}
    tables = run_progress(_plan(MAX_TABLES, batches), (), {}, known).tables
    assert len(json.dumps(status_json(ExperimentStatus(tables=tables)))) < 128 * 2**10
    assert all(table.completed_batches for table in tables)
    few = run_progress(_plan(5, batches), (), {}, known).tables
    assert {(table.completed_batches or "").count(",") + 1 for table in few} == {MAX_INTERVALS}
