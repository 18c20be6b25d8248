"""Measure what issue 4 promises of Kubernetes, and write it into docs/benchmarks.md.

    python -m tests.scale                                       everything, as documented
    python -m tests.scale --only simulated --experiments 100    a part, printed only

It needs what the end-to-end tests need: root, and the programs that a node is made of. Exit
code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import machine, page
from tests.bench.figures import Figure
from tests.e2e.cluster import binaries
from tests.scale import pods, seen, simulated

# In this order: the last moves this process into its node's network for good.
PARTS = ("pods", "seen", "simulated")
EXPERIMENTS = 1_000


def main() -> int:
    """Measure what is asked for; exit code 1 if a target is missed."""
    arguments = _arguments()
    figures: list[Figure] = []
    for part in PARTS:
        if part not in (arguments.only or PARTS):
            continue
        with tempfile.TemporaryDirectory(prefix="rowmill-scale-") as folder:
            described = _described(Path(folder))
            began = time.monotonic()
            found = _measure(part, Path(folder), arguments.experiments)
            described["Taken in"] = f"{(time.monotonic() - began) / 60:.0f} minutes"
        page.show(found)
        if arguments.experiments == EXPERIMENTS or arguments.write:
            _write(part, described, found)
        figures += found
    return 0 if all(figure.met is not False for figure in figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="measure this part (may be repeated)"
    )
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS, help="how many at once")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md anyway")
    return parser.parse_args()


def _measure(part: str, folder: Path, experiments: int) -> list[Figure]:
    if part == "pods":
        return pods.measure(folder)
    if part == "seen":
        return seen.measure(folder)
    return simulated.measure(folder, experiments)


def _described(folder: Path) -> dict[str, str]:
    described = machine.hardware(folder)
    described["Processor"] += " and so does the control plane"
    return described | {"Kubernetes": binaries.KUBERNETES}


def _write(part: str, described: dict[str, str], figures: Sequence[Figure]) -> None:
    heading, text = {
        "pods": (page.IN_PODS, _PODS),
        "seen": (page.SEEN, _SEEN),
        "simulated": (page.SIMULATED, _SIMULATED),
    }[part]
    lines = [*text.splitlines(), "", *page.machine_table(described), ""]
    page.write(heading, [*lines, *page.figure_table(figures)])
    print(f"written to {page.PAGE.relative_to(page.PAGE.parents[1])}")


_PODS = """\
Written by `make scale`; do not edit. Real pods on one real node, which shares the machine with its
control plane, Postgres and S3. How each figure is taken is told in `tests/scale/`.
"""
_SEEN = """\
Written by `make scale ONLY=seen`; do not edit. Once a second the rows that the status tells are
held against those of the ledger: behind is for how long the ledger had held more than was told.
Pods, control plane and Postgres share one node.
"""
_SIMULATED = """\
Written by `make scale`; do not edit. API server, controllers and scheduler are real, and so is the
operator, a process beside them; kwok plays the pods, and a server answers for them when the
operator asks for progress. By default Kubernetes's own controllers make 20 calls a second each and
the scheduler 50, by which it would take half an hour until so many Jobs are complete: as soon as
all Jobs are created these two are started anew with `kube-api-qps` 500, and the controller of
Jobs with 20 at once. Calls are counted from the API server's audit log.
"""

if __name__ == "__main__":
    sys.exit(main())
