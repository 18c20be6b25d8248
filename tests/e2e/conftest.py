"""One cluster for the session: the one that KUBECONFIG names, else a node of the tests' own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from tests.e2e.cluster.access import Cluster
from tests.e2e.cluster.images import Builder
from tests.e2e.cluster.node import Node, missing
from tests.e2e.installation import Images, Installation, build_images, new_namespace

_PREFIX = "rowmill-e2e-"
_SESSION = "ROWMILL_E2E_SESSION"
_LIFELINE = "lifeline"


def pytest_configure(config: pytest.Config) -> None:
    """Name the session's folder, which xdist workers inherit, and hold the node's lifeline.

    If this process is killed, the node ends with it.
    """
    if hasattr(config, "workerinput"):
        return
    _clear_after_killed_sessions()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    os.environ[_SESSION] = str(folder)
    os.mkfifo(folder / _LIFELINE)
    config.stash[_HELD] = os.open(folder / _LIFELINE, os.O_RDWR)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _remove(Path(os.environ[_SESSION]))
        os.close(config.stash[_HELD])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the cluster tells about the test's namespace."""
    report = yield
    values = getattr(item, "funcargs", {})
    if report.failed and "namespace" in values:
        report.sections.append(("cluster", values["cluster"].story(values["namespace"])))
    return report


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster; if it is the tests' own node, this process lives in its network from then on."""
    given = os.environ.get("ROWMILL_E2E_KUBECONFIG") or os.environ.get("KUBECONFIG")
    if given:
        return Cluster(Path(given), None)
    if lacks := missing():
        pytest.skip(f"no KUBECONFIG, and a node needs what is not here: {', '.join(lacks)}")
    folder = Path(os.environ[_SESSION])
    node = Node(_node_folder(folder))
    with FileLock(folder / "lock"):
        node.up(folder / _LIFELINE)
    node.join()
    return Cluster(node.kubeconfig, node)


@pytest.fixture(scope="session")
def node(cluster: Cluster) -> Node:
    """The tests' own node, for tests that kill its programs."""
    if cluster.node is None:
        pytest.skip("this cluster is not the tests' own to break")
    return cluster.node


@pytest.fixture(scope="session")
def builder(node: Node) -> Builder:
    """Builds images, outside the node's network, where the package registries are."""
    return Builder(node.sandbox.outside)


@pytest.fixture(scope="session")
def images(cluster: Cluster, request: pytest.FixtureRequest) -> Images:
    """The project's images, built from its Dockerfiles and known to the cluster.

    A cluster that is not the tests' own is told where they are by two environment variables.
    """
    if cluster.node is None:
        names = [os.environ.get(f"ROWMILL_E2E_{kind}_IMAGE") for kind in ("WORKER", "OPERATOR")]
        if None in names:
            pytest.skip("ROWMILL_E2E_WORKER_IMAGE and ROWMILL_E2E_OPERATOR_IMAGE are not set")
        return Images(*map(str, names))
    built = build_images(request.getfixturevalue("builder"))
    for image in built:
        cluster.node.load(image.archive)
    return Images(*(image.name for image in built))


@pytest.fixture(scope="session")
def installed(cluster: Cluster, images: Images) -> Iterator[Installation]:
    """The chart and the dev stack, installed once for the session."""
    installation = Installation(cluster, images, "rowmill-e2e-stack")
    with FileLock(Path(os.environ[_SESSION]) / "lock"):
        installation.install()
    yield installation
    if cluster.node is None:
        installation.uninstall()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own, which admits restricted pods only."""
    with new_namespace(cluster) as name:
        yield name


@pytest.fixture
def home(installed: Installation, namespace: str) -> str:
    """A namespace of the test's own, whose Experiments reach the servers."""
    installed.give_secrets(namespace)
    return namespace


def _clear_after_killed_sessions() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        ours = folder.stat().st_uid == os.geteuid()
        if ours and pid.isdigit() and not psutil.pid_exists(int(pid)):
            _remove(folder)


def _remove(folder: Path) -> None:
    if os.geteuid() == 0:
        Node(_node_folder(folder)).down()
    shutil.rmtree(folder, ignore_errors=True)


def _node_folder(session: Path) -> Path:
    return session / "node"


_HELD = pytest.StashKey[int]()
