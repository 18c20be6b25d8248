"""Golden checksums: no change of code, numpy or processor may change a released cell.

`python core_digests.py > golden_core.json` writes them anew, when a kind is added.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from core_digests import digests
from numpy._core import _multiarray_umath as built

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden_core.json").read_text())


def test_every_cell_is_as_released() -> None:
    assert digests() == GOLDEN


def test_the_same_cells_without_the_processors_wide_instructions() -> None:
    """Numpy then takes the code paths of a processor that has only its baseline."""
    wide = [name for name in built.__cpu_dispatch__ if built.__cpu_features__[name]]
    environment = {
        **os.environ,
        "NPY_DISABLE_CPU_FEATURES": " ".join(wide),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    printed = subprocess.run(
        [sys.executable, HERE / "core_digests.py"],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert json.loads(printed) == GOLDEN
