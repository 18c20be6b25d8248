"""The deadline of a purge is the operator's own time: no absence and no other clock spends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from memory_cluster import MemoryCluster, experiment
from raw_objects import raw_experiment

from rowmill_operator.store import Kind, Store

KEY, PURGE = ("team", "shop"), "shop-purge"
DELETED = {"deletionTimestamp": "2026-03-01T12:00:00Z"}


@pytest.fixture
def complete() -> MemoryCluster:
    cluster = MemoryCluster(experiment(settings={"deletionPolicy": "Purge"}))
    cluster.finish_run()
    return cluster


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
    store = Store()
    store.see(Kind.EXPERIMENT, raw_experiment())
    assert _leaving_since(store) is None
    before = datetime.now(UTC)
    store.see(Kind.EXPERIMENT, raw_experiment(version=11, meta=DELETED))
    since = _leaving_since(store)
    assert since is not None
    assert before <= since <= datetime.now(UTC)
    store.see(Kind.EXPERIMENT, raw_experiment(version=12, meta=DELETED))
    assert _leaving_since(store) == since


def test_one_made_again_by_that_name_is_not_leaving() -> None:
    store = Store()
    store.see(Kind.EXPERIMENT, raw_experiment(meta=DELETED))
    store.see(Kind.EXPERIMENT, raw_experiment(version=11, meta={"uid": "another"}))
    assert _leaving_since(store) is None


def _leaving_since(store: Store) -> datetime | None:
    observed = store.gather(KEY)
    assert observed is not None
    return observed.leaving_since
