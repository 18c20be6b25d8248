"""The Experiment of a fault schedule on a cluster, and the same manifest for this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.chaos.experiment import ChaosExperiment, tables
from tests.chaos_k8s.schedule import Schedule
from tests.e2e.experiments import Applied
from tests.e2e.installation import BUCKET, POSTGRES_SECRET, S3_SECRET

# All its pods at once: it is there to be replaced, not to be watched.
_EARLIER_ROWS, _EARLIER_WORKERS = 2_000, 4


def write_experiment(
    folder: Path, chosen: Schedule, applied: Applied, secrets: dict[str, Path]
) -> ChaosExperiment:
    """Write the manifests of a schedule into `folder`, as this machine reads them."""
    # Those of a destination that the manifest does not name would be refused.
    asked = {POSTGRES_SECRET: chosen.postgres, S3_SECRET: chosen.parquet}
    named = {name: file for name, file in secrets.items() if asked[name]}
    manifest = _written(folder / "manifest.json", applied, spec(chosen))
    before = None
    if chosen.replaces:
        before = _written(folder / "before.json", applied, earlier(chosen))
    return ChaosExperiment(applied.name, manifest, before, named)


def spec(chosen: Schedule) -> dict[str, Any]:
    """What the schedule runs under fire."""
    return _spec(chosen, chosen.rows, chosen.seed)


def earlier(chosen: Schedule) -> dict[str, Any]:
    """What was published before, if anything was: another seed, fewer rows."""
    return _spec(chosen, _EARLIER_ROWS, chosen.seed + 1) | {"parallelism": _EARLIER_WORKERS}


def _spec(chosen: Schedule, rows: int, seed: int) -> dict[str, Any]:
    destinations: dict[str, object] = {}
    if chosen.postgres:
        destinations["postgres"] = {"secretName": POSTGRES_SECRET}
    if chosen.parquet:
        destinations["parquet"] = {"bucket": BUCKET, "secretName": S3_SECRET}
    return {
        "seed": seed,
        "parallelism": chosen.workers,
        "batchRows": chosen.batch_rows,
        "tables": tables(rows),
        "destinations": destinations,
    }


def _written(path: Path, applied: Applied, wanted: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(applied.manifest(wanted)), encoding="utf-8")
    return path
