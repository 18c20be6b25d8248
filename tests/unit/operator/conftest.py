"""What the tests of the operator's decisions share."""

from __future__ import annotations

import pytest

from tests.unit.operator.memory_cluster import MemoryCluster, experiment


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(experiment())
