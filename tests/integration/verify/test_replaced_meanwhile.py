"""A run that is replaced, or whose data is removed, while somebody opens it to verify it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from rowmill.destinations.postgres.read.published_tables import PostgresReader
from rowmill.local.home.folder import Home
from rowmill.warehouse import published
from rowmill.warehouse.published import NothingPublished
from rowmill.worker.destinations import open_destinations
from rowmill.worker.removal.purge import reset
from tests.integration.verify.published_data import PublishedData

Between = Callable[[Callable[[], object]], None]


@pytest.fixture
def own(data: PublishedData, home: Home) -> PublishedData:
    """A small run of the test's own."""
    return PublishedData(data.manifest.replace(data.spec.name, f"{data.spec.name}-own"), home)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Has something happen once, after the published run is looked up and before it is opened."""

    def arrange(happens: Callable[[], object]) -> None:
        awaited = [happens]

        def opening(*arguments: Any) -> PostgresReader:
            if awaited:
                awaited.pop()()
            return PostgresReader(*arguments)

        monkeypatch.setattr(published, "PostgresReader", opening)

    return arrange


def test_the_run_that_took_its_place_is_verified(
    own: PublishedData, home: Home, between: Between
) -> None:
    between(lambda: PublishedData(own.manifest, home))
    found = own.verify()
    assert (found.run, found.identical) == (own.run.number + 1, True)


def test_of_removed_data_it_is_said_that_there_is_none(
    own: PublishedData, between: Between
) -> None:
    def remove() -> None:
        with closing(open_destinations(own.spec, own.connections)) as destinations:
            reset(destinations)

    between(remove)
    with pytest.raises(NothingPublished, match="is RESET, its data removed; start one with"):
        own.verify()
