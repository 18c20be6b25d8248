"""The embedded Postgres has a login that only reads, whatever became of it before."""

from __future__ import annotations

import json

import psutil
import psycopg
import pytest

from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import (
    EmbeddedServers,
    down,
    exports,
    reader_exports,
    running,
    up,
)
from tests.integration.embedded_clients import login, store, stored
from tests.integration.embedded_processes import all_pids, leaders, record_of

# Attributes, memberships by name, and that its password logs in.
READER = (
    ("rowmill_reader", False, True, False, False, True, False, -1, "infinity", True),
    [("pg_read_all_data", False, True, False)],
)


def test_the_reader_may_read_all_tables_and_is_nothing_else(servers: EmbeddedServers) -> None:
    assert _reader(servers) == READER
    assert reader_exports(servers)["PGREADUSER"] == "rowmill_reader"
    assert not set(reader_exports(servers)) & set(exports(servers))
    assert servers.postgres.reader_password != servers.postgres.password


def test_a_reader_that_was_changed_is_set_right_at_the_next_start(own: Home) -> None:
    servers = up(own)
    with login(servers.postgres) as connection:
        for statement in (
            "ALTER ROLE rowmill_reader SUPERUSER NOINHERIT CREATEDB CREATEROLE REPLICATION "
            "NOBYPASSRLS CONNECTION LIMIT 0 VALID UNTIL '2000-01-01' PASSWORD 'another'",
            "CREATE ROLE grantor SUPERUSER",
            "GRANT pg_read_server_files TO grantor WITH ADMIN OPTION",
            "SET ROLE grantor",
            "GRANT pg_read_server_files TO rowmill_reader",
            "RESET ROLE",
            "GRANT pg_execute_server_program TO rowmill_reader WITH ADMIN OPTION",
            "REVOKE pg_read_all_data FROM rowmill_reader",
        ):
            connection.execute(statement)
    down(own)
    assert _reader(up(own)) == READER
    with login(servers.postgres) as connection:
        connection.execute("DROP ROLE rowmill_reader")
    down(own)
    assert _reader(up(own)) == READER


@pytest.mark.parametrize("left_running", [True, False])
def test_a_home_of_before_the_reader_gets_it_and_keeps_all_else(
    own: Home, *, left_running: bool
) -> None:
    before = up(own)
    store(before, "kept")
    with login(before.postgres) as connection:
        connection.execute("DROP ROLE rowmill_reader")
    if not left_running:
        down(own)
    record = record_of(own)
    del record["reader_password"]
    own.servers_file.write_text(json.dumps(record))
    assert (running(own) is not None) == left_running
    pids = all_pids(own)
    servers = up(own)
    assert exports(servers) == exports(before)
    assert stored(servers) == ("kept", b"kept")
    assert _reader(servers) == READER
    assert up(own) == servers
    assert not left_running or {pid for pid in pids if psutil.pid_exists(pid)} >= leaders(own)


def test_the_readers_password_is_not_in_a_log_that_has_every_statement(own: Home) -> None:
    with login(up(own).postgres) as connection:
        connection.autocommit = True
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("DROP ROLE rowmill_reader")
    down(own)
    servers = up(own)
    log = own.postgres_log.read_text()
    assert 'ALTER ROLE "rowmill_reader"' in log
    assert servers.postgres.reader_password not in log


def test_what_a_query_sorts_does_not_fill_the_disk(servers: EmbeddedServers) -> None:
    password = servers.postgres.reader_password
    with login(servers.postgres, user="rowmill_reader", password=password) as connection:
        assert connection.execute("SHOW temp_file_limit").fetchone() == ("10GB",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET temp_file_limit = -1")


def _reader(servers: EmbeddedServers) -> tuple[object, object]:
    """The reader as the server knows it, asked by its own login."""
    password = servers.postgres.reader_password
    with login(servers.postgres, user="rowmill_reader", password=password) as connection:
        attributes = connection.execute(
            "SELECT session_user::text, rolsuper, rolinherit, rolcreaterole, rolcreatedb, "
            "rolcanlogin, rolreplication, rolconnlimit, rolvaliduntil::text, rolbypassrls "
            "FROM pg_roles WHERE rolname = session_user"
        ).fetchone()
        memberships = connection.execute(
            "SELECT roleid::regrole::text, admin_option, inherit_option, set_option "
            "FROM pg_auth_members WHERE member = session_user::regrole"
        ).fetchall()
        return attributes, memberships
