"""Experiments as the end-to-end tests apply, watch and check them."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .cluster.access import Cluster, wait_for
from .installation import BUCKET, POSTGRES_SECRET, S3_SECRET, Installation

EXAMPLES = Path(__file__).parents[2] / "examples"
_WITHIN = re.compile(r"\.svc\b")
_SELECTOR = "app.kubernetes.io/managed-by=rowmill,rowmill.dev/experiment={name}"


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

    @classmethod
    def of(cls, installation: Installation, namespace: str, spec: Mapping[str, Any]) -> Applied:
        """Apply a spec as a new Experiment."""
        found = cls(installation, namespace, f"t{uuid.uuid4().hex[:8]}")
        found.apply(spec)
        return found

    @property
    def cluster(self) -> Cluster:
        return self.installation.cluster

    def manifest(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "apiVersion": "rowmill.dev/v1alpha1",
            "kind": "Experiment",
            "metadata": {"name": self.name},
            "spec": {"destinations": {"postgres": {}, "parquet": {"bucket": BUCKET}}} | dict(spec),
        }

    def apply(self, spec: Mapping[str, Any]) -> None:
        self.cluster.apply(self.manifest(spec), namespace=self.namespace)

    def patch(self, **spec: Any) -> None:
        self._merge({"spec": spec})

    def annotate(self, **annotations: str | None) -> None:
        found = {f"rowmill.dev/{name}": value for name, value in annotations.items()}
        self._merge({"metadata": {"annotations": found}})

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

    def stalled(self, reason: str, seconds: float = 60) -> str:
        """Wait until it says that it is stuck for this reason; the message."""

        def stuck() -> dict[str, Any] | None:
            found = self.condition("Stalled")
            return found if (found.get("status"), found.get("reason")) == ("True", reason) else None

        return str(wait_for(stuck, seconds, f"{self.name} is stalled: {reason}")["message"])

    def under_way(self, percent: int = 10, seconds: float = 120) -> dict[str, Any]:
        """Wait until some of the rows are durable, but not all."""

        def some() -> dict[str, Any] | None:
            run = self.run()
            return run if run.get("percent", 0) >= percent else None

        return wait_for(some, seconds, f"{self.name} is at {percent} percent")

    def children(self, kind: str) -> list[dict[str, Any]]:
        return self.cluster.find_all(kind, self.namespace, _SELECTOR.format(name=self.name))

    def pods(self, *, running: bool = False) -> list[dict[str, Any]]:
        found = self.children("pods")
        return [p for p in found if not running or p["status"].get("phase") == "Running"]

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
        options: list[str] = []
        for name in (POSTGRES_SECRET, S3_SECRET):
            secret = folder / name
            secret.write_text(self._env_file(name), encoding="utf-8")
            options += ["--secret", f"{name}={secret}"]
        result = subprocess.run(
            [sys.executable, "-m", "rowmill", "verify", "-f", str(path), "-o", "json", *options],
            capture_output=True,
            text=True,
            env={**os.environ, "ROWMILL_HOME": str(folder / "home")},
            check=False,
        )
        assert result.returncode == 0, f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    def _env_file(self, secret: str) -> str:
        data = self.cluster.get("secret", secret, self.namespace)["data"]
        values = {key: base64.b64decode(value).decode() for key, value in data.items()}
        # Here no search path completes the names, as it does in a pod.
        whole = {key: _WITHIN.sub(".svc.cluster.local", value) for key, value in values.items()}
        return "".join(f"{key}={value}\n" for key, value in whole.items())

    def _merge(self, change: Mapping[str, Any]) -> None:
        text = json.dumps(change)
        self._kubectl("patch", "experiment", self.name, "--type=merge", "-p", text)

    def _kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl(*arguments, "-n", self.namespace)


def intervals(text: str) -> int:
    """How many batches `0-41,57` names."""
    count = 0
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        count += int(last or first) - int(first) + 1
    return count
