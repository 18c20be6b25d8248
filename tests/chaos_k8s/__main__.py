"""Run seeded fault schedules on a real node: each run completes by itself, exactly once.

    python -m tests.chaos_k8s --schedules 30 --seed 1

One node, one installation of the chart and one Postgres and S3 server serve all schedules. Each
applies an Experiment, injects its faults, waits until the Experiment is Complete without anyone's
hand, and then recomputes every row.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.chaos.verdict import report
from tests.chaos_k8s.round import play
from tests.chaos_k8s.schedule import schedule
from tests.chaos_k8s.servers import Servers, lasting_servers
from tests.e2e.cluster.access import Cluster
from tests.e2e.cluster.images import Builder
from tests.e2e.cluster.node import missing, node_of_its_own
from tests.e2e.installation import Images, Installation, build_images


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos_k8s", description=__doc__)
    parser.add_argument("--schedules", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    arguments = parser.parse_args()
    if lacks := missing():
        print(f"no fault schedules: a node needs what is not here: {', '.join(lacks)}")
        # Where all is said to be there, nothing may be left out in silence.
        return 1 if os.environ.get("CI") else 0
    signal.signal(signal.SIGTERM, _end)
    seeds = range(arguments.seed, arguments.seed + arguments.schedules)
    # By this name the next session of the end-to-end tests finds what a killed one left.
    with tempfile.TemporaryDirectory(prefix=f"rowmill-e2e-{os.getpid()}-") as name:
        folder = Path(name)
        began = time.monotonic()
        with _installed(folder) as (installation, servers):
            print(f"the node is ready after {time.monotonic() - began:.0f} s", flush=True)
            results = [play(schedule(seed), installation, servers, folder) for seed in seeds]
    played = [(result.schedule, result) for result in results]
    return report(played, dealt=sum(len(result.dealt) for result in results))


@contextmanager
def _installed(folder: Path) -> Iterator[tuple[Installation, Servers]]:
    """A node of our own with everything on it, which ends with this process at the latest."""
    built = build_images(Builder())
    with node_of_its_own(folder) as node:
        node.join()
        for image in built:
            node.load(image.archive)
        installation = Installation(
            Cluster(node.kubeconfig, node), Images(*(image.name for image in built)), "chaos-stack"
        )
        installation.install()
        with lasting_servers(installation, folder) as servers:
            yield installation, servers


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
