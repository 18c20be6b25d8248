"""Experiments as the end-to-end tests apply, watch and check them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from rowmill.spec.cluster_names import API_VERSION, GROUP, KIND, experiment_selector
from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.installation import BUCKET, POSTGRES_SECRET, S3_SECRET, Installation

# So little processor that a run lasts, and leaves the machine to others.
SLOWLY = {
    "requests": {"cpu": "50m", "memory": "256Mi"},
    "limits": {"cpu": "250m", "memory": "1Gi"},
}
_BATCHES = (
    "SELECT count(*) FROM {ledger}.batches JOIN {ledger}.runs ON key = run "
    "WHERE owner LIKE '%%/' || %s"
)
EXAMPLES = Path(__file__).parents[2] / "examples"


def wide(rows: int, **spec: Any) -> dict[str, Any]:
    """A spec of one table that takes a second or so for each 300,000 rows."""
    manifest = yaml.safe_load((EXAMPLES / "wide.yaml").read_text("utf-8"))
    found: dict[str, Any] = manifest["spec"]
    found["tables"][0]["rows"] = rows
    return found | {"batchRows": 10_000, "parallelism": 2} | spec


def example(name: str, **spec: Any) -> dict[str, Any]:
    """The spec of an example."""
    found: dict[str, Any] = yaml.safe_load((EXAMPLES / name).read_text("utf-8"))["spec"]
    return found | spec


@dataclass(frozen=True)
class Applied:
    """An Experiment of a name of its own, so that its schema and prefix are its own as well."""

    installation: Installation
    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def of(
        cls,
        installation: Installation,
        namespace: str,
        spec: Mapping[str, Any],
        labels: Mapping[str, str] | None = None,
    ) -> Applied:
        """Apply a spec as a new Experiment."""
        found = cls(installation, namespace, f"t{uuid.uuid4().hex[:8]}", labels or {})
        found.apply(spec)
        return found

    @property
    def cluster(self) -> Cluster:
        return self.installation.cluster

    def manifest(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": self.name, "labels": dict(self.labels)},
            "spec": {"destinations": {"postgres": {}, "parquet": {"bucket": BUCKET}}} | dict(spec),
        }

    def apply(self, spec: Mapping[str, Any]) -> None:
        self.cluster.apply(self.manifest(spec), namespace=self.namespace)

    def patch(self, **spec: Any) -> None:
        self.merge("experiment", self.name, {"spec": spec})

    def annotate(self, **annotations: str | None) -> None:
        found = {f"{GROUP}/{name}": value for name, value in annotations.items()}
        self.merge("experiment", self.name, {"metadata": {"annotations": found}})

    def merge(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        """Change an object of its namespace."""
        self._kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(change))

    def delete(self, *options: str) -> None:
        self._kubectl("delete", "experiment", self.name, *options)

    def object(self) -> dict[str, Any] | None:
        return self.cluster.find("experiment", self.name, self.namespace)

    def status(self) -> dict[str, Any]:
        found = self.object()
        status: dict[str, Any] = (found or {}).get("status") or {}
        return status

    def run(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status().get("run") or {}
        return found

    def condition(self, kind: str) -> dict[str, Any]:
        conditions = self.status().get("conditions") or []
        return next((found for found in conditions if found["type"] == kind), {})

    def reach(self, phase: str, seconds: float = 180) -> dict[str, Any]:
        """Wait for a phase; the status then."""

        def reached() -> dict[str, Any] | None:
            status = self.status()
            if phase != "Failed" and status.get("phase") == "Failed":
                raise AssertionError(f"{self.name} failed: {json.dumps(status, indent=1)[:3000]}")
            return status if status.get("phase") == phase else None

        return wait_for(reached, seconds, f"{self.name} is {phase}")

    def complete(self, seconds: float = 240) -> dict[str, Any]:
        """Wait until the present spec is made and published."""

        def done() -> dict[str, Any] | None:
            found = self.object() or {}
            status = found.get("status") or {}
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            return status if seen and self.reach_phase(status) == "Complete" else None

        return wait_for(done, seconds, f"{self.name} is complete")

    @staticmethod
    def reach_phase(status: Mapping[str, Any]) -> str:
        if status.get("phase") == "Failed":
            raise AssertionError(f"failed: {json.dumps(status, indent=1)[:3000]}")
        return str(status.get("phase"))

    def stalled(self, reason: str, seconds: float = 180) -> str:
        """Wait until it says that it is stuck for this reason; the message."""

        def stuck() -> dict[str, Any] | None:
            found = self.condition("Stalled")
            return found if (found.get("status"), found.get("reason")) == ("True", reason) else None

        return str(wait_for(stuck, seconds, f"{self.name} is stalled: {reason}")["message"])

    def under_way(self, batches: int = 20, *, ledger: str = "rowmill") -> None:
        """Wait until so many batches are durable: the ledger tells it before a status does."""
        query = sql.SQL(_BATCHES).format(ledger=sql.Identifier(ledger))

        def durable() -> bool:
            try:
                found = connection.execute(query, (self.name,)).fetchone()
            except psycopg.errors.UndefinedTable:
                # The first run of all makes the ledger.
                return False
            return found is not None and found[0] >= batches

        with self.installation.postgres() as connection:
            wait_for(durable, 180, f"{self.name} has {batches} batches")

    def children(self, kind: str) -> list[dict[str, Any]]:
        return self.cluster.find_all(kind, self.namespace, experiment_selector(self.name))

    def pods(self, *, running: bool = False) -> list[dict[str, Any]]:
        found = self.children("pods")
        return [pod for pod in found if not running or _is_at_work(pod)]

    def rows(self, table: str) -> int:
        """What Postgres counts."""
        with self.installation.postgres() as connection:
            found = connection.execute(f'SELECT count(*) FROM "{self.name}"."{table}"').fetchone()
        assert found is not None
        return int(found[0])

    def oid(self, table: str) -> int | None:
        """Which table it is: another number after it was made again."""
        with self.installation.postgres() as connection:
            row = connection.execute(
                "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                "WHERE nspname = %s AND relname = %s AND relkind = 'r'",
                (self.name, table),
            ).fetchone()
        return None if row is None else int(row[0])

    def objects(self) -> list[str]:
        """The keys below its prefix in the bucket."""
        with self.installation.s3() as client:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=BUCKET, Prefix=f"{self.name}/"
            )
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def verify(self, spec: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """`rowmill verify`, from this machine's Python, over the cluster's destinations."""
        path = folder / f"{self.name}.yaml"
        manifest = self.manifest(spec)
        manifest["spec"]["destinations"] = {
            "postgres": {"secretName": POSTGRES_SECRET},
            "parquet": {"bucket": BUCKET, "secretName": S3_SECRET},
        }
        path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        command = [sys.executable, "-m", "rowmill", "verify", "-f", str(path), "-o", "json"]
        with self.installation.secret_options(folder) as secrets:
            result = subprocess.run(
                [*command, *secrets],
                capture_output=True,
                text=True,
                env={**os.environ, "ROWMILL_HOME": str(folder / "home")},
                check=False,
            )
        assert result.returncode == 0, f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    def _kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl(*arguments, "-n", self.namespace)


def _is_at_work(pod: Mapping[str, Any]) -> bool:
    """Whether a container runs: a pod that is being deleted is called Running to its end."""
    containers = pod["status"].get("containerStatuses", [])
    return any("running" in container["state"] for container in containers)


def named(text: str) -> set[int]:
    """The numbers that `0-41,57` names."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        found.update(range(int(first), int(last or first) + 1))
    return found


def intervals(text: str) -> int:
    """How many numbers it names."""
    return len(named(text))
