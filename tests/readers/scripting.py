"""Run a reader's script by the reader's own interpreter."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
# Spark takes half a minute; whoever takes longer hangs.
_SECONDS = 600


def run(python: Path, script: str, *arguments: Path) -> str | None:
    """Run `scripts/SCRIPT ARGUMENTS`; how it ended and its last words if not by itself, or None."""
    command = [str(python), str(SCRIPTS / script), *map(str, arguments)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
            env=_surroundings(),
        )
    except subprocess.TimeoutExpired:
        return f"it hung for {_SECONDS} s"
    if done.returncode == 0:
        return None
    how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
    return f"it ended by {how}: {done.stderr.strip()[-300:]}"


def _surroundings() -> dict[str, str]:
    """This process's environment without Rowmill's modules, and everything in UTC."""
    unwanted = ("PYTHON", "ROWMILL_", "COVERAGE_")
    known = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
    return known | {"TZ": "UTC"}
