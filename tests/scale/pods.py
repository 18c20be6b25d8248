"""Measure what needs real pods: `python -m tests.scale.pods [--rows 50000000]`.

How soon runs start and end, how fast pods load against the one-machine engine, what the operator
writes meanwhile, and how large the images are. Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import page
from tests.bench.figures import Figure
from tests.e2e.cluster.images import Builder
from tests.e2e.cluster.node import node_of_its_own
from tests.e2e.installation import build_images
from tests.scale.image_sizes import measure_images
from tests.scale.installed_node import Ground, on
from tests.scale.pod_load import measure_load
from tests.scale.starting import measure_start

ROWS = 50_000_000
ROUNDS = 5


def measure(folder: Path, rows: int = ROWS, rounds: int = ROUNDS) -> list[Figure]:
    """All figures, on a node of its own whose state is below `folder`.

    To be called where the package registries can be reached, in no node's network.
    """
    builder = Builder()
    images = build_images(builder)
    figures = measure_images(builder, images)

    def work(ground: Ground) -> list[Figure]:
        return measure_start(ground, rounds, _say) + measure_load(ground, folder, rows, _say)

    with node_of_its_own(folder) as node:
        return on(node, images, work) + figures


def main() -> int:
    """Measure, print, and say whether all targets are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.pods", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rowmill-scale-") as folder:
        figures = measure(Path(folder), options.rows, options.rounds)
    page.show(figures)
    return 1 if any(figure.met is False for figure in figures) else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
