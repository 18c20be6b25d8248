"""Joined destinations: how long they try, what they tell meanwhile, how few connections do."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.errors import DestinationUnavailable
from rowmill.destinations.patience import Patience, Wait, Waited
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Connections, Destinations, open_destinations
from tests.integration.experiments import PEOPLE, Manifest, manifest
from tests.integration.worker.env import Env

Opened = Callable[[Manifest], tuple[Env, Destinations]]


@pytest.fixture
def nowhere() -> Iterator[Connections]:
    """A Postgres of which nothing answers."""
    with socket.socket() as taken:
        # Bound and never listening: nobody else gets the port meanwhile.
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        known = KnownCredentials({"PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "nobody"})
        yield Connections("tests", known, None)


def test_a_server_that_never_answered_is_given_up_with_a_hint(
    name: str, nowhere: Connections
) -> None:
    spec = load_spec("m", text=Env(manifest(name, parquet=None), nowhere).text)
    told: list[Wait] = []
    counted: list[str] = []
    patience = Patience(contact_seconds=0.3, report=told.append)
    with (
        closing(
            open_destinations(spec, nowhere, patience=patience, retried=counted.append)
        ) as destinations,
        pytest.raises(DestinationUnavailable, match="check PGHOST and PGPORT") as given_up,
    ):
        destinations.ledger.ensure()
    assert str(given_up.value).count("Connection refused") == 1
    *tries, end = told
    place = tries[0].place
    assert {str(wait).partition(";")[0] for wait in tries} == {f"{place}: connection refused"}
    assert place.startswith("Postgres at 127.0.0.1:")
    assert end == Waited(place, answered=False)
    assert counted == ["postgres"] * len(tries)


def test_a_wait_between_tries_can_be_ended(name: str, nowhere: Connections) -> None:
    class Stop(Exception):
        pass

    def stop(_seconds: float) -> None:
        raise Stop

    spec = load_spec("m", text=Env(manifest(name, parquet=None), nowhere).text)
    with (
        closing(open_destinations(spec, nowhere, patience=Patience(sleep=stop))) as destinations,
        pytest.raises(Stop),
    ):
        destinations.ledger.ensure()


def test_a_worker_holds_one_connection(
    name: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, preparing = opened(manifest(name, tables=[PEOPLE], parquet=None))
    run = env.prepare(preparing).run
    made: list[object] = []
    connect = PostgresAddress.connect

    def counting(self: PostgresAddress) -> object:
        made.append(self)
        return connect(self)

    monkeypatch.setattr(PostgresAddress, "connect", counting)
    with closing(env.open_destinations()) as destinations:
        env.load(destinations, run)
        env.finalize(destinations, run)
    assert len(made) == 1
