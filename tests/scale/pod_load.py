"""A large load by pods against the one-machine engine: rate, processor time, and API writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import yaml

from tests.bench.figures import Figure
from tests.bench.loading import start_cpu
from tests.e2e.cluster import binaries
from tests.e2e.experiments import Applied, example
from tests.e2e.installation import (
    BUCKET,
    CHART,
    POSTGRES_SECRET,
    RELEASE_NAMESPACE,
    S3_SECRET,
)
from tests.scale.commits import Commits
from tests.scale.installed_node import NAMESPACE, Ground

LEAST_RATE, MOST_CPU, MOST_WRITES = 0.85, 1.1, 0.25
WRITES_SECONDS = 120
# What a run should last whose writes are counted, by the rate of the one before it.
_LONG_SECONDS = 150
_LONGEST = 3_600.0
_FAILED_SECONDS = 30.0
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_OPERATOR = f"system:serviceaccount:{RELEASE_NAMESPACE}:"


@dataclass(frozen=True)
class Load:
    """One load.

    `loading` are seconds from first to last commit, `whole` those from the command to published
    data. `loading_cpu` are the workers' core-seconds from each one's first batch to its last
    durable one, `start_cpu` those before and after, finalize included, of so many `processes`.
    """

    loading: float
    whole: float
    loading_cpu: float
    start_cpu: float
    processes: int


def measure_load(
    ground: Ground, folder: Path, rows: int, say: Callable[[str], None]
) -> list[Figure]:
    """Load the benchmark's table by the one-machine engine and by pods, into the same servers."""
    with ground.installation.postgres() as connection:
        ground.settle(connection)
        alone = _by_one_machine(ground, connection, folder, rows)
        say(f"one machine, {rows:,} rows: {alone}")
        ground.settle(connection)
        pods = _by_pods(ground, connection, rows)
        say(f"pods, {rows:,} rows: {pods}")
        more = int(rows * max(1.0, _LONG_SECONDS / pods.whole))
        began = datetime.now().astimezone()
        longer = _by_pods(ground, connection, more)
        say(f"pods, {more:,} rows: {longer}")
    return [*_figures(rows, alone, pods), _writes(ground, more, began, longer.whole)]


def _figures(rows: int, alone: Load, pods: Load) -> list[Figure]:
    millions = rows / 1e6
    rate, cpu = alone.loading / pods.loading, pods.loading_cpu / alone.loading_cpu
    whole = (pods.loading_cpu + pods.start_cpu) / (alone.loading_cpu + alone.start_cpu)
    return [
        Figure(
            f"{millions:g} M rows in pods, ledger's first to last commit, against the one-machine "
            "engine with as many workers and the same servers",
            f"rate at least {LEAST_RATE}",
            f"{rate:.2f}: {rows / pods.loading:,.0f} rows/s ({pods.loading:.1f} s) against "
            f"{rows / alone.loading:,.0f} rows/s ({alone.loading:.1f} s); to published "
            f"{pods.whole:.0f} s against {alone.whole:.0f} s",
            rate >= LEAST_RATE,
        ),
        Figure(
            "worker CPU (user + system) for that, per million rows",
            f"at most {MOST_CPU} times",
            f"{cpu:.2f} times: {pods.loading_cpu / millions:.2f} against "
            f"{alone.loading_cpu / millions:.2f} core-s; start-up and finalize beside it: "
            f"{pods.start_cpu:.1f} core-s for {pods.processes} pods against "
            f"{alone.start_cpu:.1f} for {alone.processes} processes; all in all {whole:.2f} times",
            cpu <= MOST_CPU,
        ),
    ]


def _writes(ground: Ground, rows: int, since: datetime, seconds: float) -> Figure:
    """What the operator wrote from the apply to Complete, by the API server's audit log."""
    until = since + timedelta(seconds=seconds)
    found = [
        one
        for one in ground.node.requests()
        if one["verb"] in _WRITES
        and one["user"]["username"].startswith(_OPERATOR)
        and one["objectRef"].get("namespace") == NAMESPACE
        and since <= datetime.fromisoformat(one["requestReceivedTimestamp"]) <= until
    ]
    rate = len(found) / seconds
    kinds = Counter(_kind(one["objectRef"]) for one in found)
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    return Figure(
        f"API writes by the operator per running experiment, {rows / 1e6:.0f} M rows in pods, from "
        "apply to Complete, by the audit log",
        f"at most {MOST_WRITES}/s over {WRITES_SECONDS} s or more",
        f"{rate:.2f}/s: {len(found)} in {seconds:.0f} s ({listed})",
        rate <= MOST_WRITES if seconds >= WRITES_SECONDS else None,
    )


def _kind(reference: dict[str, str]) -> str:
    return "/".join(reference[part] for part in ("resource", "subresource") if part in reference)


def _by_one_machine(
    ground: Ground, connection: psycopg.Connection, folder: Path, rows: int
) -> Load:
    name = "alone"
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(_manifest(name, rows)), encoding="utf-8")
    commits = Commits(connection, name)
    with ground.installation.secret_options(folder) as secrets:
        began = time.monotonic()
        with (folder / f"{name}.json").open("w+", encoding="utf-8") as out:
            process = _rowmill(folder, "run", "-f", str(path), "-o", "json", *secrets, out=out)
            loading = commits.until(lambda: process.poll() is not None, _LONGEST)
            whole = time.monotonic() - began
            out.seek(0)
            document = _answer(process, out.read())
        _answer(_rowmill(folder, "delete", "-f", str(path), "--yes", *secrets))
    return Load(
        loading=loading,
        whole=whole,
        loading_cpu=document["firstToLastBatch"]["cpuSeconds"],
        start_cpu=start_cpu(document),
        processes=len(document["used"]),
    )


def _by_pods(ground: Ground, connection: psycopg.Connection, rows: int) -> Load:
    spec = _spec(rows) | {"deletionPolicy": "Purge", "resources": _default_resources()}
    spec.pop("destinations")
    began = time.monotonic()
    found = Applied.of(ground.installation, NAMESPACE, spec)
    with _completion(found) as complete:
        loading = Commits(connection, found.name).until(complete, _LONGEST)
    whole = time.monotonic() - began
    found.complete(1)
    used = [_report(pod)["used"] for pod in found.pods()]
    ground.remove(found)
    loading_cpu = sum(one.get("loadingCpuSeconds", 0.0) for one in used)
    return Load(
        loading=loading,
        whole=whole,
        loading_cpu=loading_cpu,
        start_cpu=sum(one["cpuSeconds"] for one in used) - loading_cpu,
        processes=len(used),
    )


@contextmanager
def _completion(found: Applied) -> Iterator[Callable[[], bool]]:
    """Whether an Experiment is Complete, by one watch: to ask again and again takes processor."""
    command = ["wait", "--for=condition=Complete", f"experiment/{found.name}", "--timeout=1h"]
    process = subprocess.Popen(
        [str(binaries.kubectl()), *command, f"--namespace={found.namespace}"],
        env={**os.environ, "KUBECONFIG": str(found.cluster.kubeconfig)},
        stdout=subprocess.DEVNULL,
    )
    again = time.monotonic() + _FAILED_SECONDS

    def complete() -> bool:
        nonlocal again
        if time.monotonic() > again:
            again = time.monotonic() + _FAILED_SECONDS
            found.reach_phase(found.status())
        return process.poll() is not None

    try:
        yield complete
    finally:
        process.kill()
        process.wait()


def _spec(rows: int) -> dict[str, Any]:
    spec = example("wide.yaml")
    spec["tables"][0]["rows"] = rows
    return spec


def _default_resources() -> dict[str, Any]:
    """The chart's, since the tests' installation asks for next to no processor."""
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    found: dict[str, Any] = values["worker"]["resources"]
    return found


def _manifest(name: str, rows: int) -> dict[str, Any]:
    destinations = {
        "postgres": {"secretName": POSTGRES_SECRET},
        "parquet": {"bucket": BUCKET, "secretName": S3_SECRET},
    }
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": _spec(rows) | {"destinations": destinations},
    }


def _rowmill(folder: Path, *arguments: str, out: Any = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rowmill", *arguments],
        env={**os.environ, "ROWMILL_HOME": str(folder / "home")},
        stdin=subprocess.DEVNULL,
        stdout=out,
        text=True,
    )


def _answer(process: subprocess.Popen[str], text: str | None = None) -> Any:
    said = process.communicate()[0] if text is None else text
    if process.wait() != 0:
        raise RuntimeError(f"rowmill ended with {process.returncode}: {said}")
    return json.loads(said) if text is not None else None


def _report(pod: dict[str, Any]) -> dict[str, Any]:
    """The last word of a pod that ended well."""
    state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    found: dict[str, Any] = json.loads(state["message"])
    return found
