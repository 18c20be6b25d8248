"""A run that operator and worker of an older commit began, and those of today take over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.images import Builder, Image
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import SLOWLY, Applied, wide
from tests.e2e.installation import Images, Installation
from tests.history import NO_HISTORY, full_hash, unpack

# The first whose records must last.
COMMIT = "b1701de"
# A tag that means another image from some moment on, as one that is built anew does.
TAG = "localhost/rowmill-e2e/worker:of-the-day"
LONG = 8_000_000


@dataclass(frozen=True)
class Older:
    """The chart of the older commit, and its images, which the node has."""

    chart: Path
    worker: str
    operator: str


@pytest.fixture
def older(node: Node, builder: Builder) -> Iterator[Older]:
    if full_hash(COMMIT) is None:
        pytest.skip(f"{NO_HISTORY} {COMMIT}")
    with tempfile.TemporaryDirectory(prefix="rowmill-e2e-older-") as folder:
        tree = Path(folder)
        unpack(COMMIT, tree)
        worker = _image(builder, tree, "worker", "job_image")
        operator = _image(builder, tree, "operator", "operator")
        for image in (worker, operator):
            node.load(image.archive)
        yield Older(tree / "helm" / "rowmill", worker.name, operator.name)


def _image(builder: Builder, tree: Path, name: str, folder: str) -> Image:
    return builder.image(f"older-{name}", tree, tree / folder / "Dockerfile")


def test_a_load_that_the_older_ones_began_is_finished_by_todays(
    cluster: Cluster,
    node: Node,
    installed: Installation,
    older: Older,
    home: str,
    tmp_path: Path,
) -> None:
    spec = wide(LONG, parallelism=1, resources=SLOWLY)
    node.tag(older.worker, TAG)
    before = Installation(cluster, Images(TAG, older.operator), installed.namespace)
    before.upgrade(chart=older.chart)
    try:
        found = Applied.of(installed, home, spec)
        found.under_way(1)
    finally:
        installed.upgrade()
    # Another experiment's worker of today comes to the ledger, in which the older one goes on.
    Applied.of(installed, home, wide(1_000)).complete()
    reported = found.run()["rows"]
    wait_for(lambda: found.run()["rows"] > reported, 180, "more rows by the older worker")
    assert not found.oid("events"), "it is in mid-run"
    begun = _images(found)
    node.tag(installed.images.worker, TAG)
    for pod in found.pods(running=True):
        name = pod["metadata"]["name"]
        cluster.kubectl("delete", "pod", name, "-n", home, "--grace-period=0", "--force")
    # It was slow for the older worker alone, which had to be met half way.
    found.patch(resources=None)
    status = found.complete(300)
    assert (status["run"]["number"], status["run"]["image"]) == (1, TAG)
    since = {name: image for name, image in _images(found).items() if name not in begun}
    assert len(set(begun.values())) == len(set(since.values())) == 1
    assert not set(begun.values()) & set(since.values())
    assert found.rows("events") == LONG
    assert found.verify(spec, tmp_path)["identical"] is True


def _images(found: Applied) -> dict[str, str]:
    """What the pods' containers that were started were started from, by the pods' names."""
    return {
        pod["metadata"]["name"]: container["imageID"]
        for pod in found.pods()
        for container in pod["status"].get("containerStatuses", [])
        if container["imageID"]
    }
