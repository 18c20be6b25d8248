"""The plan that this machine would freeze for a spec: measured memory, wished workers."""

from __future__ import annotations

import os
from typing import Any

from rowmill.local.home.folder import Home, rowmill_home
from rowmill.local.memory import worker_memory
from rowmill.local.servers.disk_demand import Demand, demands
from rowmill.local.servers.disk_space import embedded_disks
from rowmill.plan.freeze import freeze
from rowmill.plan.layout import Plan
from rowmill.spec.dataset import Spec

# More threads than these only take memory: the destinations' servers are busy by then.
_MOST_THREADS = 8


def default_workers() -> int:
    """One less than the cores that this process may use, at least 1."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, cores - 1)


def verify_threads(workers: int | None) -> int:
    """Threads of a `verify`: as asked for, else one a core."""
    return workers or min(_MOST_THREADS, default_workers() + 1)


def chosen_workers(spec: Spec, workers: int | None) -> int:
    """Worker processes: as asked for, else the manifest's parallelism, else by cores."""
    return workers or spec.parallelism or default_workers()


def most_workers(spec: Spec, workers: int | None, batch_rows: int | None) -> int:
    """The worker processes that a new run of `spec` has use for; workers as asked for, if so."""
    plan = plan_for(spec, workers=workers, batch_rows=batch_rows)
    return min(chosen_workers(spec, workers), plan.shards)


def plan_for(spec: Spec, *, workers: int | None, batch_rows: int | None) -> Plan:
    """The plan that a new run of `spec` would freeze here; None means the manifest's choice."""
    count = chosen_workers(spec, workers)
    return freeze(
        spec.dataset,
        digest=spec.digest,
        parallelism=count,
        worker_memory=worker_memory(count, limit=spec.memory_limit),
        parquet_types=spec.parquet_types,
        batch_rows=batch_rows or spec.batch_rows,
    )


def disk_demands(spec: Spec, plan: Plan, home: Home) -> list[Demand]:
    """What a new run by the plan takes of the disks of this home's servers."""
    rows = {layout.table: layout.rows for layout in plan.tables}
    return demands(spec, embedded_disks(spec, home), to_copy=rows, to_upload=rows)


def planned(spec: Spec, workers: int | None, batch_rows: int | None) -> dict[str, Any]:
    """The plan that a new run of `spec` would freeze here, as JSON."""
    plan = plan_for(spec, workers=workers, batch_rows=batch_rows)
    found = disk_demands(spec, plan, rowmill_home())
    return {
        "name": spec.name,
        **plan_document(plan),
        "workers": chosen_workers(spec, workers),
        "memoryPerWorker": plan.worker_bytes,
        "disks": [each.to_json() for each in found],
    }


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan as JSON, table by table; bytes are estimates of the rows before compression."""
    return {
        "digest": plan.digest,
        "dataVersion": plan.data_version,
        "tables": [
            {
                "name": layout.table,
                "rows": layout.rows,
                "rowBytes": layout.row_bytes,
                "bytes": layout.rows * layout.row_bytes,
                "batchRows": layout.batch_rows,
                "batches": layout.batches,
                "parts": layout.parts,
            }
            for layout in plan.tables
        ],
        "rows": plan.rows,
        "bytes": plan.bytes,
        "shards": plan.shards,
    }
