"""What a run costs that loads next to nothing: start-up, by this tree and by a commit in turn.

It counts all processes of the command, workers and whatever starts them included; the servers are
up before, and no part of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.env import Env
from tests.bench.figures import Figure, ratio_figure

RUNS = 11
MOST_CPU = 0.45
MOST_WALL = 0.60
ROWS = 1_000
_COUNTED = Path(__file__).with_name("counted.py")
# Far above what a run takes; one that leaves a process behind for good ends here.
_PATIENCE_SECONDS = 120.0
MANIFEST = f"""\
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {{name: few}}
spec:
  seed: 7
  tables:
    - name: customers
      rows: {ROWS // 4}
      primaryKey: [id]
      columns:
        - {{name: id, type: bigint, generate: {{sequence: {{start: 1}}}}}}
        - {{name: name, type: text, generate: {{faker: {{provider: name}}}}}}
        - {{name: city, type: text, generate: {{faker: {{provider: city}}}}}}
    - name: orders
      rows: {ROWS - ROWS // 4}
      primaryKey: [id]
      columns:
        - {{name: id, type: bigint, generate: {{sequence: {{start: 1}}}}}}
        - {{name: customer_id, type: bigint, references: {{table: customers, column: id}}}}
        - {{name: amount, type: "numeric(10,2)", generate: {{number: {{min: 0.01, max: 999.99}}}}}}
  destinations:
    postgres: {{}}
    parquet: {{bucket: rowmill}}
"""


@dataclass(frozen=True)
class Counted:
    """One run: wall seconds, and core-seconds of all its processes."""

    seconds: float
    cpu_seconds: float


def measure(ours: Env, theirs: Env, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Take `runs` rounds of a run by each; every other round the base goes first.

    Says in words why it cannot.
    """
    if sys.platform != "linux":
        why = "only Linux hands over what a command leaves behind, to be counted"
        return [Figure("start-up", "reported", f"not measured: {why}")]
    mine: list[Counted] = []
    bars: list[Counted] = []
    sides = [("this tree", ours, mine), ("base", theirs, bars)]
    for _, env, _ in sides:
        _run(env)
    say(f"a run of {ROWS:,} rows")
    for number in range(runs):
        for name, env, runs_of_it in sides if number % 2 == 0 else reversed(sides):
            runs_of_it.append(_run(env))
            last = runs_of_it[-1]
            say(f"  {name:9}  {last.cpu_seconds:6.2f} core-s  {last.seconds:6.2f} s")
    return figures(mine, bars)


def figures(mine: Sequence[Counted], bars: Sequence[Counted]) -> list[Figure]:
    """The rows of the table that these rounds give."""
    return [
        ratio_figure(
            f"`rowmill run` of {ROWS:,} rows in two tables to both destinations, servers up: CPU "
            "of all its processes (user + system) against the base's",
            [each.cpu_seconds for each in mine],
            [each.cpu_seconds for each in bars],
            MOST_CPU,
            "core-s",
            digits=2,
        ),
        ratio_figure(
            "its wall time against the base's",
            [each.seconds for each in mine],
            [each.seconds for each in bars],
            MOST_WALL,
            digits=2,
        ),
    ]


def _run(env: Env) -> Counted:
    """One run of an experiment that the environment does not know, and its removal.

    Raises:
        RuntimeError: it failed.
    """
    manifest, result = env.folder / "few.yaml", env.folder / "counted.json"
    manifest.write_text(MANIFEST, encoding="utf-8")
    env.settle()
    command = [str(env.tree.python), "-m", "rowmill", "run", "-f", str(manifest)]
    done = subprocess.run(
        [sys.executable, str(_COUNTED), str(result), *command, "--progress", "none"],
        capture_output=True,
        text=True,
        cwd=env.tree.folder,
        env=env.environment(),
        timeout=_PATIENCE_SECONDS,
        check=True,
    )
    document: dict[str, Any] = json.loads(result.read_text("utf-8"))
    if document["code"] != 0:
        raise RuntimeError(f"rowmill run: {document['code']}\n{done.stdout}{done.stderr}")
    env.delete(manifest)
    return Counted(document["seconds"], document["cpuSeconds"])
