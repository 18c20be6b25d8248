"""Digests made again in another process: without the wide instructions, or with another numpy."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# numpy's stubs leave it out.
built = importlib.import_module("numpy._core._multiarray_umath")
OTHER_NUMPY = os.environ.get("ROWMILL_OTHER_NUMPY")
needs_other_numpy = pytest.mark.skipif(
    OTHER_NUMPY is None,
    reason="ROWMILL_OTHER_NUMPY names no folder with another numpy (make test installs one)",
)


def without_wide_instructions(script: Path) -> dict[str, str]:
    """What `script` prints where numpy takes the paths of a processor with only its baseline."""
    wide = [name for name in built.__cpu_dispatch__ if built.__cpu_features__[name]]
    return _printed(script, sys.path, NPY_DISABLE_CPU_FEATURES=" ".join(wide))


def with_other_numpy(script: Path) -> dict[str, str]:
    """What `script` prints with the numpy that ROWMILL_OTHER_NUMPY names."""
    return _printed(script, [str(OTHER_NUMPY), *sys.path])


def _printed(script: Path, path: list[str], **environment: str) -> dict[str, str]:
    printed = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found: dict[str, str] = json.loads(printed)
    return found
