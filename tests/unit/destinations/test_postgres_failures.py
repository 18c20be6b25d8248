from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from rowmill.destinations.patience import Course
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.failures import judge

PASSING = [
    "08006",
    "08P01",
    "25P03",
    "40001",
    "40P01",
    "53200",
    "53300",
    "55P03",
    "57014",
    "57P01",
    "57P02",
    "57P03",
    "57P05",
]
FINAL = {
    "25006": "ServerReadOnly",
    "3D000": "DatabaseMissing",
    "42501": "PermissionDenied",
    "42P01": "TableMissing",
    "53100": "DiskFull",
    "53400": "LimitExceeded",
    "2BP01": "DependantsInTheWay",
    "23505": "PostgresRefused",
    "22P05": "PostgresRefused",
    "XX000": "PostgresRefused",
}


def error_of(state: str, text: str = "what the server said") -> psycopg.Error:
    kind = type("Served", (psycopg.OperationalError,), {"sqlstate": state})
    error: psycopg.Error = kind(text)
    return error


@pytest.mark.parametrize("state", PASSING)
def test_trouble_that_passes(state: str) -> None:
    assert judge(error_of(state), reached=True).course is Course.PASSES


@pytest.mark.parametrize("state", FINAL)
def test_trouble_that_does_not(state: str) -> None:
    failure = judge(error_of(state), reached=False)
    assert failure.course is Course.FINAL
    assert failure.reason == FINAL[state]
    assert "what the server said" in failure.message("u@h:1/d")


def test_a_full_table_of_locks_is_full_at_the_next_try_too() -> None:
    failure = judge(error_of("53200", "out of shared memory"), reached=True)
    assert (failure.course, failure.reason) == (Course.FINAL, "LimitExceeded")
    assert "max_locks_per_transaction" in failure.advice


@pytest.mark.parametrize("state", ["28P01", "28000"])
def test_a_refused_login_may_pass_for_a_while(state: str) -> None:
    failure = judge(error_of(state), reached=True)
    assert failure.course is Course.LOGIN
    assert failure.reason == "CredentialsRefused"


@pytest.mark.parametrize(
    ("text", "course"),
    [
        ("FATAL:  sorry, too many clients already", Course.PASSES),
        ('FATAL:  too many connections for role "u"', Course.PASSES),
        ("FATAL:  remaining connection slots are reserved for roles", Course.PASSES),
        ("FATAL:  the database system is starting up", Course.PASSES),
        ("FATAL:  the database system is shutting down", Course.PASSES),
        ("FATAL:  the database system is not yet accepting connections", Course.PASSES),
        ("server closed the connection unexpectedly", Course.CONTACT),
        ("connection timeout expired", Course.CONTACT),
        ('FATAL:  password authentication failed for user "u"', Course.LOGIN),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4"', Course.LOGIN),
        ('FATAL:  database "d" does not exist', Course.FINAL),
        ("server does not support SSL, but SSL was required", Course.FINAL),
        ("SSL error: certificate verify failed", Course.FINAL),
        ("something that nobody foresaw", Course.CONTACT),
    ],
)
def test_a_refused_connection_is_judged_by_its_text(text: str, course: Course) -> None:
    error = psycopg.OperationalError(f"connection failed: {text}")
    assert judge(error, reached=False).course is course


def test_a_server_that_answered_once_is_waited_for_as_long_as_any() -> None:
    error = psycopg.OperationalError("connection failed: connection timeout expired")
    assert judge(error, reached=True).course is Course.PASSES


def test_an_unknown_host_is_wrong_at_first_and_passes_later() -> None:
    error = psycopg.OperationalError("failed to resolve host 'h': [Errno -2] Name not known")
    assert judge(error, reached=False).course is Course.FINAL
    assert judge(error, reached=True).course is Course.PASSES


def test_a_standby_and_a_catalogue_race_are_told_apart_from_their_kind() -> None:
    standby = error_of("0A000", "cannot set transaction read-write mode during recovery")
    assert judge(standby, reached=False).reason == "ServerReadOnly"
    assert judge(standby, reached=False).course is Course.FINAL
    assert judge(error_of("0A000"), reached=True).reason == "PostgresRefused"
    assert judge(error_of("XX000", "tuple concurrently updated"), reached=True).course is (
        Course.PASSES
    )


def test_a_full_disk_says_that_an_unfinished_run_resumes() -> None:
    error = errors.DiskFull("could not extend file: No space left on device")
    message = judge(error, reached=True).message("u@h:1/d")
    assert "No space left" in message
    assert "an unfinished run resumes" in message


@pytest.mark.parametrize("reached", [False, True])
def test_a_server_too_full_for_a_session_is_no_wrong_address(reached: bool) -> None:
    said = "FATAL:  could not write init file: No space left on device"
    error = psycopg.OperationalError(f'connection to server at "h", port 1 failed: {said}')
    failure = judge(error, reached=reached)
    assert (failure.course, failure.reason) == (Course.FINAL, "DiskFull")
    assert "Free disk space on the server" in failure.message("u@h:1/d")


def test_a_server_that_took_writes_before_is_waited_for_while_it_takes_none() -> None:
    assert judge(error_of("25006"), reached=True).course is Course.PASSES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'connection failed: connection to server at "127.0.0.1", port 1 failed: Connection '
            "refused\n\tIs the server running on that host and accepting TCP/IP connections?",
            "connection refused",
        ),
        (
            "connection failed: Multiple connection attempts failed. All failures were:\n"
            "- host: 'localhost', port: '1', hostaddr: '::1': connection failed: connection to "
            'server at "::1", port 1 failed: Connection refused\n\tIs the server running on that '
            "host and accepting TCP/IP connections?\n- host: 'localhost', port: '1', hostaddr: "
            "'127.0.0.1': connection failed: connection to server at \"127.0.0.1\", port 1 failed: "
            "Connection refused\n\tIs the server running on that host and accepting TCP/IP "
            "connections?",
            "connection refused",
        ),
        (
            'connection failed: connection to server at "db", port 5432 failed: FATAL:  the '
            "database system is starting up",
            "the database system is starting up",
        ),
        (
            'connection failed: connection to server on socket "/tmp/.s.PGSQL.5432" failed: No '
            "such file or directory\n\tIs the server running locally and accepting connections on "
            "that socket?",
            "no such file or directory",
        ),
        ("SSL connection has been closed", "SSL connection has been closed"),
    ],
)
def test_trouble_is_told_in_a_few_words(text: str, words: str) -> None:
    assert judge(psycopg.OperationalError(text), reached=True).brief() == words


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('connection is bad: invalid sslmode value: "TOP "SECRET"', "PGSSLMODE"),
        ('connection is bad: invalid "ssl_min_protocol_version" value: "TOP SECRET"', "PGSSLMIN"),
        ('invalid integer value "TOP SECRET" for connection option "port"', "PGPORT"),
        ("bad value for connect_timeout: 'TOP SECRET'", "PGCONNECT_TIMEOUT"),
        ('connection is bad: invalid port number: "TOP SECRET"', "PGPORT"),
        ('connection is bad: could not parse network address "TOP SECRET": Name', "PGHOSTADDR"),
        ("failed: FATAL: invalid command-line argument for server process: SECRET", "PGOPTIONS"),
        ('connection is bad: definition of service "TOP SECRET" not found', "PGSERVICE"),
    ],
)
def test_a_value_that_libpq_does_not_take_is_final_and_named_by_its_key_alone(
    text: str, key: str
) -> None:
    failure = judge(psycopg.OperationalError(text), reached=False)
    assert (failure.course, failure.reason) == (Course.FINAL, "AddressInvalid")
    assert f"the value of {key}" in failure.text
    assert "SECRET" not in failure.message("u@h:1/d") + failure.brief()


CUT = "server closed the connection unexpectedly"


@pytest.mark.parametrize(
    ("user", "password", "said", "shown"),
    [
        ("u", "h", CUT, CUT),
        ("u", "the", CUT, CUT),
        ("u", "h", 'role "h" and "has"', 'role "***" and "has"'),
        ("u", "long-password", "a long-password!", "a ***!"),
        ("loader", "loader", 'failed for user "loader"', 'failed for user "loader"'),
        ("u:topsecret", "", 'failed for user "u:topsecret"', 'failed for user "u:***"'),
    ],
)
def test_a_message_neither_holds_nor_tells_the_password(
    user: str, password: str, said: str, shown: str
) -> None:
    known = {"PGHOST": "db", "PGUSER": user, "PGPASSWORD": password}
    message = str(PostgresAddress(lambda: known).error(psycopg.OperationalError(said)))
    name = user.replace("topsecret", "***")
    assert message.startswith(f"Postgres at {name}@db:5432/{name}: {shown}")
