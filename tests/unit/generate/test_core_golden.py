"""Golden checksums: no change of code, numpy or processor may change a released cell.

`python core_digests.py > golden_core.json` writes them anew, when a kind is added.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from core_digests import digests
from numpy._core import _multiarray_umath as built

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden_core.json").read_text())
OTHER_NUMPY = os.environ.get("ROWMILL_OTHER_NUMPY")


def test_every_cell_is_as_released() -> None:
    assert digests() == GOLDEN


def test_the_same_cells_without_the_processors_wide_instructions() -> None:
    """Numpy then takes the code paths of a processor that has only its baseline."""
    wide = [name for name in built.__cpu_dispatch__ if built.__cpu_features__[name]]
    assert in_another_process(sys.path, NPY_DISABLE_CPU_FEATURES=" ".join(wide)) == GOLDEN


@pytest.mark.skipif(
    OTHER_NUMPY is None,
    reason="ROWMILL_OTHER_NUMPY names no folder with another numpy (pip install --target)",
)
def test_the_same_cells_with_another_numpy() -> None:
    assert in_another_process([str(OTHER_NUMPY), *sys.path]) == GOLDEN


def in_another_process(path: list[str], **environment: str) -> dict[str, str]:
    printed = subprocess.run(
        [sys.executable, HERE / "core_digests.py"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **environment},
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found: dict[str, str] = json.loads(printed)
    return found
