"""Golden checksums of the distributions: no code, numpy or processor may change a released cell.

`python distribution_digests.py > golden_distributions.json` writes them anew, when a kind is added.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.golden_process import needs_other_numpy, with_other_numpy, without_wide_instructions
from tests.unit.generate.distribution_digests import digests

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden_distributions.json").read_text())


def test_every_cell_is_as_released() -> None:
    assert digests() == GOLDEN


def test_the_same_cells_without_the_processors_wide_instructions() -> None:
    """Numpy then takes the code paths of a processor that has only its baseline."""
    assert without_wide_instructions(HERE / "distribution_digests.py") == GOLDEN


@needs_other_numpy
def test_the_same_cells_with_another_numpy() -> None:
    assert with_other_numpy(HERE / "distribution_digests.py") == GOLDEN
