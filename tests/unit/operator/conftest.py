"""What the tests of the operator's decisions share."""

from __future__ import annotations

import pytest

from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.wishes import published


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(experiment())


@pytest.fixture
def asked() -> MemoryCluster:
    """Run 1 is published, and its verify has just begun."""
    cluster = published()
    cluster.annotate(verify="1")
    cluster.settle()
    return cluster


@pytest.fixture
def complete() -> MemoryCluster:
    """Run 1 is published as abc, and the data goes with the Experiment."""
    return published(deletionPolicy="Purge")
