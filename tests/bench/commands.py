"""How fast the command line answers: `--help` against a bare typer app, `preview`, `status`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.env import ROOT, Env
from tests.bench.figures import Figure, Samples, ratio_figure

RUNS = 5
HELP_RUNS = 15
MOST = 1.3
MOST_STATUS = 0.5
_BARE = """\
import typer

app = typer.Typer()


@app.command()
def hello(name: str) -> None:
    \"\"\"Greet somebody.\"\"\"
    print(name)


if __name__ == "__main__":
    app()
"""
_ROWMILL = """\
import sys
from rowmill.cli import console_main

if __name__ == "__main__":
    console_main()
"""
_HEAVY = ("numpy", "pydantic")
_IMPORTS = f"""\
import sys
from rowmill.cli import main
sys.argv = ["rowmill", "--help"]
try:
    main()
finally:
    print([name for name in {_HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


def measure(env: Env, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Both started as a script by the same Python, in turn."""
    bare, ours = env.folder / "bare.py", env.folder / "ours.py"
    bare.write_text(_BARE, encoding="utf-8")
    ours.write_text(_ROWMILL, encoding="utf-8")
    walls: dict[Path, list[float]] = {bare: [], ours: []}
    cpus: dict[Path, list[float]] = {bare: [], ours: []}
    for _ in range(HELP_RUNS + 1):
        for script in (bare, ours):
            wall, cpu = _run(env, str(script), "--help")
            walls[script].append(wall)
            cpus[script].append(cpu)
    # The first of each reads files that the system does not hold yet.
    by_cpu = Samples.of(cpus[ours][1:]).median / Samples.of(cpus[bare][1:]).median
    by_wall = ratio_figure("", _ms(walls[ours][1:]), _ms(walls[bare][1:]), MOST, "ms")
    heavy = _imported(env)
    say(f"  --help: {by_wall.measured}")
    shop = str(ROOT / "examples" / "shop.yaml")
    previews = [_run(env, "-m", "rowmill", "preview", "-f", shop)[0] for _ in range(runs + 1)]
    preview = Samples.of(previews[1:])
    say(f"  preview: {preview.text(2)}")
    status = _status(env, runs)
    say(f"  status: {status.text(2)}")
    return [
        Figure(
            "`rowmill --help` against a bare typer app",
            "at most 1.3 times",
            f"{by_wall.measured}; by CPU {by_cpu:.2f} times",
            by_wall.met or by_cpu <= MOST,
        ),
        Figure(
            "what `rowmill --help` imports of " + " and ".join(_HEAVY),
            "nothing",
            heavy,
            heavy == "nothing",
        ),
        Figure(
            "`rowmill preview -f examples/shop.yaml`",
            "under 1.5 s",
            preview.text(2),
            preview.median < 1.5,
        ),
        Figure(
            "`rowmill status NAME` of an experiment that has run, servers up",
            f"under {MOST_STATUS} s",
            status.text(2),
            status.median < MOST_STATUS,
        ),
    ]


def _status(env: Env, runs: int) -> Samples:
    manifest = env.manifest("shown", 10_000, ("postgres", "parquet"))
    env.rowmill("run", "-f", str(manifest))
    try:
        # The first reads files that the system does not hold yet.
        walls = [_run(env, "-m", "rowmill", "status", "shown")[0] for _ in range(runs + 1)]
    finally:
        env.delete(manifest)
    return Samples.of(walls[1:])


def _ms(seconds: list[float]) -> list[float]:
    return [1000 * value for value in seconds]


def _run(env: Env, *arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of one Python process."""
    before, began = os.times(), time.monotonic()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env=env.environment(),
    )
    wall, after = time.monotonic() - began, os.times()
    user = after.children_user - before.children_user
    return wall, user + after.children_system - before.children_system


def _imported(env: Env) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=env.environment(),
        check=False,
    )
    found = done.stderr.splitlines()[-1] if done.stderr else "?"
    return "nothing" if found == "[]" else found
