"""The deadline of a purge is the operator's own time: no absence and no other clock spends it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rowmill_operator.memory import resources
from rowmill_operator.memory.store import Store
from tests.unit.operator.memory_cluster import MemoryCluster
from tests.unit.operator.operator_env import Watch
from tests.unit.operator.raw_objects import raw_experiment

KEY, PURGE = ("team", "shop"), "shop-purge"
DELETED = {"deletionTimestamp": "2026-03-01T12:00:00Z"}


@pytest.mark.parametrize("hours", [1, -1])
def test_a_deletion_dated_long_ago_or_in_the_future_has_its_whole_time(
    complete: MemoryCluster, hours: int
) -> None:
    """The operator was down, or its clock and the API server's differ."""
    complete.delete()
    complete.change(deleted=complete.now - timedelta(hours=hours))
    complete.settle()
    assert list(complete.jobs) == [PURGE]
    complete.wait(598)
    complete.settle()
    assert complete.purges == []
    complete.wait(2)
    complete.look()
    assert [p.outcome for p in complete.purges] == ["deadline"]


def test_it_counts_from_when_the_deletion_was_first_seen() -> None:
    watch = Watch()
    store = Store(watch)
    store.see(resources.EXPERIMENTS, raw_experiment())
    watch.seconds += 100
    assert _leaving_for(store) == 0
    store.see(resources.EXPERIMENTS, raw_experiment(version=11, meta=DELETED))
    watch.seconds += 30
    assert _leaving_for(store) == 30
    store.see(resources.EXPERIMENTS, raw_experiment(version=12, meta=DELETED))
    watch.seconds += 30
    assert _leaving_for(store) == 60


def test_one_made_again_by_that_name_is_not_leaving() -> None:
    watch = Watch()
    store = Store(watch)
    store.see(resources.EXPERIMENTS, raw_experiment(meta=DELETED))
    watch.seconds += 30
    store.see(resources.EXPERIMENTS, raw_experiment(version=11, meta={"uid": "another"}))
    assert _leaving_for(store) == 0


def _leaving_for(store: Store) -> float:
    observed = store.gather(KEY)
    assert observed is not None
    return observed.leaving_for
