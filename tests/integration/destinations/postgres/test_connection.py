"""How Postgres is reached, and what is said when it cannot be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.patience import Patience, Wait, Waited, Waiting
from rowmill.destinations.postgres import connection as postgres_connection
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.session import PostgresSession
from tests.postgres_login import connect

IMPATIENT = Patience(seconds=0.01, sleep=lambda _: None)


def failure(environment: dict[str, str], patience: Patience = IMPATIENT) -> Exception:
    with (
        PostgresSession(PostgresAddress(lambda: environment, patience=patience)) as session,
        pytest.raises((DestinationRefused, DestinationUnavailable)) as failed,
    ):
        session.transaction(lambda cursor: cursor.execute("SELECT 1"))
    password = environment.get("PGPASSWORD")
    assert not password or password not in str(failed.value)
    return failed.value


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"PGPASSWORD": "not-the-password"}, "CredentialsRefused", "PGPASSWORD"),
        ({"PGPASSWORD": ""}, "CredentialsRefused", "PGPASSWORD"),
        ({"PGUSER": "nobody"}, "CredentialsRefused", "nobody@"),
        ({"PGUSER": ""}, "CredentialsRefused", "hold no PGUSER"),
        ({"PGHOST": ""}, "CredentialsRefused", "hold no PGHOST"),
        ({"PGDATABASE": "no such"}, "DatabaseMissing", "no such"),
        ({"PGHOST": "no-such-host.invalid"}, "HostUnknown", "no-such-host.invalid"),
        ({"PGSSLMODE": "require"}, "TlsRefused", "PGSSLMODE"),
        ({"PGSSLMODE": "nonsense"}, "AddressInvalid", "the value of PGSSLMODE is invalid"),
        ({"PGPORT": "nonsense"}, "AddressInvalid", "the value of PGPORT is invalid"),
        ({"PGSERVICE": "nonsense"}, "AddressInvalid", "the value of PGSERVICE is invalid"),
    ],
)
def test_what_does_not_pass_is_refused_with_the_reason(
    postgres_environment: dict[str, str], change: dict[str, str], reason: str, words: str
) -> None:
    refusal = failure({**postgres_environment, **change}, Patience(seconds=600))
    assert isinstance(refusal, DestinationRefused)
    assert refusal.reason == reason
    assert words in str(refusal)


def test_a_server_that_does_not_answer_is_waited_for_and_then_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told: list[Wait] = []
    environment = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "u", "PGPASSWORD": "x1y"}
    patience = replace(IMPATIENT, report=told.append)
    address = PostgresAddress(lambda: environment, patience=patience)
    with PostgresSession(address) as session, pytest.raises(DestinationUnavailable) as given_up:
        session.transaction(lambda cursor: None)
    assert "refused" in str(given_up.value)
    assert f"u@127.0.0.1:{port}/u" in str(given_up.value)
    assert session.retries == len(told) - 1 > 0
    assert all("x1y" not in str(wait) for wait in told)


def test_what_is_no_postgres_is_refused_at_once() -> None:
    def answer() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, daemon=True).start()
        port = str(server.getsockname()[1])
        known = {"PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "u"}
        refusals = [
            failure({**known, "PGSSLMODE": mode}, Patience()) for mode in ("prefer", "disable")
        ]
        server.shutdown(socket.SHUT_RDWR)
    assert [getattr(each, "reason", None) for each in refusals] == ["AddressInvalid"] * 2
    assert all("correct PGHOST and PGPORT" in str(each) for each in refusals)


def test_credentials_are_read_again_at_each_connect(
    database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    known = role("rotating")
    address = PostgresAddress(lambda: known, patience=Patience(seconds=5))
    with PostgresSession(address) as session:
        ask = "SELECT current_user"
        user = session.transaction(lambda cursor: cursor.execute(ask).fetchone())
        assert user == (known["PGUSER"],)
        with connect(database) as admin:
            name = sql.Identifier(known["PGUSER"])
            admin.execute(sql.SQL("ALTER ROLE {} PASSWORD 'rotated-one'").format(name))
            admin.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = %s",
                (known["PGUSER"],),
            )
        known["PGPASSWORD"] = "rotated-one"
        assert session.transaction(lambda cursor: cursor.execute(ask).fetchone()) == user


def test_a_rotated_password_that_arrives_late_is_waited_for(
    role: Callable[[str], dict[str, str]],
) -> None:
    known = role("rotating")
    right = known["PGPASSWORD"]
    known["PGPASSWORD"] = "the-former-one"

    def arrive(_: float) -> None:
        known["PGPASSWORD"] = right

    patience = Patience(seconds=60, login_seconds=60, sleep=arrive)
    with PostgresSession(PostgresAddress(lambda: known, patience=patience)) as session:
        session.transaction(lambda cursor: cursor.execute("SELECT 1"))
        assert session.retries == 1


def test_stray_variables_of_the_process_have_no_say(
    postgres_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for option in psycopg.pq.Conninfo.get_defaults():
        if option.envvar is not None:
            monkeypatch.setenv(option.envvar.decode(), "nonsense")
    for name in ("PGTZ", "PGDATESTYLE", "PGGEQO", "PGREQUIRESSL"):
        monkeypatch.setenv(name, "nonsense")
    connection = PostgresAddress(lambda: postgres_environment).connect()
    try:
        row = connection.execute("SELECT current_database(), current_user").fetchone()
        assert row == (postgres_environment["PGDATABASE"], postgres_environment["PGUSER"])
    finally:
        connection.close()


def test_a_password_of_any_letters_logs_in_and_is_not_told(
    database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    known = role("odd")
    password = "a'b\\c d=e\"%s{0}é"
    with connect(database) as admin:
        admin.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(known["PGUSER"]), sql.Literal(password)
            )
        )
    known["PGPASSWORD"] = password
    address = PostgresAddress(lambda: known)
    address.connect().close()
    assert password not in address.describe()
    assert password not in repr(address)


def test_a_failed_transaction_leaves_a_session_that_goes_on(
    postgres_environment: dict[str, str],
) -> None:
    with PostgresSession(PostgresAddress(lambda: postgres_environment)) as session:
        with pytest.raises(DestinationRefused, match="does not exist"):
            session.transaction(lambda cursor: cursor.execute("SELECT * FROM public.nothing"))
        with pytest.raises(ZeroDivisionError):
            session.transaction(lambda cursor: 1 // 0)
        assert session.transaction(lambda cursor: cursor.execute("SELECT 1").fetchone()) == (1,)


def test_a_connection_in_session_mode_keeps_no_settings(
    postgres_environment: dict[str, str],
) -> None:
    """Behind a transaction pooler they would reach other clients."""
    with PostgresSession(PostgresAddress(lambda: postgres_environment)) as session:
        session.transaction(lambda cursor: cursor.execute("SELECT 1"))
        query = "SELECT name, setting FROM pg_settings WHERE source = 'session'"
        changed = session.connection().execute(query).fetchall()
        assert changed == []


def test_a_server_that_is_too_old_is_refused(
    postgres_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "OLDEST_VERSION", 990000)
    refusal = failure(postgres_environment, Patience(seconds=600))
    assert isinstance(refusal, DestinationRefused)
    assert refusal.reason == "PostgresTooOld"


def test_the_wait_for_a_server_ends_with_that_of_the_last_session(database: dict[str, str]) -> None:
    told: list[Wait] = []
    patience = Patience(sleep=lambda _: None, report=told.append)
    address = PostgresAddress(lambda: database, patience=patience)
    failures = {"one": 1, "other": 1}

    def work(name: str, inside: Callable[[], object]) -> None:
        if failures[name]:
            failures[name] -= 1
            raise psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")
        inside()

    with PostgresSession(address) as one, PostgresSession(address) as other:
        one.transaction(
            lambda _: work("one", lambda: other.transaction(lambda _: work("other", list)))
        )
    assert [type(wait) for wait in told] == [Waiting, Waiting, Waited]
