"""The experiment of a fault schedule: three related tables in the destinations it names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import rowmill
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.local.source import Source
from tests.chaos.schedule import Schedule


@dataclass(frozen=True)
class ChaosExperiment:
    """Manifests and secrets on disk: `before` is the earlier run's manifest, if there is one."""

    name: str
    manifest: Path
    before: Path | None
    secrets: dict[str, Path]

    @property
    def secret_options(self) -> list[str]:
        return [f"--secret={name}={path}" for name, path in self.secrets.items()]

    def load(self, manifest: Path | None = None) -> rowmill.Experiment:
        return rowmill.load(manifest or self.manifest, secrets=self.secrets)

    def source(self) -> Source:
        """As an engine of this machine is given it."""
        return Source(self.name, self.manifest.read_text(), None, None, self.secrets)

    def counts(self) -> list[dict[str, int]]:
        """The row counts that readers may see: of the earlier run and of the new one."""
        known = [self.before, self.manifest]
        return [self.load(manifest).tables for manifest in known if manifest is not None]


def write_experiment(
    folder: Path, schedule: Schedule, servers: EmbeddedServers, endpoint: str
) -> ChaosExperiment:
    """Write the manifests and secret files of a schedule into `folder`; S3 goes by `endpoint`."""
    name = f"chaos-{schedule.seed}"
    known = exports(servers) | {"AWS_ENDPOINT_URL": endpoint}
    secrets = {"chaos": folder / "secret.env"}
    secrets["chaos"].write_text("".join(f"{k}='{v}'\n" for k, v in known.items()))
    manifest = folder / "manifest.yaml"
    manifest.write_text(json.dumps(_manifest(name, schedule, schedule.rows, schedule.seed)))
    before = None
    if schedule.replaces:
        before = folder / "before.yaml"
        before.write_text(json.dumps(_manifest(name, schedule, 2_000, schedule.seed + 1)))
    return ChaosExperiment(name, manifest, before, secrets)


def _manifest(name: str, schedule: Schedule, rows: int, seed: int) -> dict[str, object]:
    destinations: dict[str, object] = {}
    if schedule.postgres:
        destinations["postgres"] = {"secretName": "chaos"}
    if schedule.parquet:
        destinations["parquet"] = {"bucket": "rowmill", "secretName": "chaos"}
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "seed": seed,
            "parallelism": schedule.workers,
            "batchRows": schedule.batch_rows,
            "tables": tables(rows),
            "destinations": destinations,
        },
    }


def tables(rows: int) -> list[dict[str, object]]:
    """Three related tables, of about so many rows together."""
    return [
        {
            "name": "people",
            "rows": max(1, rows // 10),
            "primaryKey": ["id"],
            "columns": [
                {"name": "id", "type": "bigint", "generate": {"sequence": {}}},
                {"name": "name", "type": "text", "generate": {"faker": {"provider": "name"}}},
                {
                    "name": "email",
                    "type": "text",
                    "unique": True,
                    "generate": {"template": "{name|slug}.{id}@example.com"},
                },
                {"name": "born", "type": "date", "nulls": 0.1},
            ],
        },
        {
            "name": "orders",
            "rowsPer": {"table": "people", "mean": 5, "min": 0, "max": 20},
            "primaryKey": ["person", "number"],
            "columns": [
                {
                    "name": "person",
                    "type": "bigint",
                    "references": {"table": "people", "column": "id"},
                },
                {"name": "number", "type": "smallint", "generate": {"ordinal": {}}},
                {
                    "name": "total",
                    "type": "numeric(10,2)",
                    "generate": {"lognormal": {"mu": 3, "sigma": 1, "max": 9999}},
                },
            ],
        },
        {
            "name": "events",
            "rows": rows // 2,
            "columns": [
                {
                    "name": "person",
                    "type": "bigint",
                    "references": {
                        "table": "people",
                        "column": "id",
                        "pick": {"zipf": {"exponent": 1.1}},
                    },
                },
                {
                    "name": "at",
                    "type": "timestamptz",
                    "generate": {
                        "between": {"start": "2024-01-01T00:00:00Z", "end": "2024-12-31T00:00:00Z"}
                    },
                },
                {
                    "name": "kind",
                    "type": "text",
                    "generate": {"choice": {"values": ["view", "click", "buy"]}},
                },
            ],
        },
    ]
