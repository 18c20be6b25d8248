"""The embedded server's reader is stopped by the server itself, whatever its query sets back."""

import re
from collections.abc import Callable

import pytest
from psycopg import sql

from rowmill.destinations.credentials import ReadingLogin, reading_login
from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.read.query import querying
from rowmill.destinations.postgres.read.reader import Asked
from rowmill.local.servers.embedded import EmbeddedServers, reader_exports
from tests.postgres_login import connect

Query = Callable[[str], object]
BACK = "set_config('role', 'none', true)"
# The server is asked for all that it restricts; these are among them in Postgres 13 to 18.
KNOWN = {
    "lo_export", "lo_import", "pg_current_logfile", "pg_hba_file_rules", "pg_ls_dir",
    "pg_ls_logdir", "pg_ls_waldir", "pg_read_binary_file", "pg_read_file",
    "pg_show_all_file_settings", "pg_stat_file",
}  # fmt: skip
_CALLS = """
SELECT p.proname, p.oid::regproc::text || '(' || coalesce((
  SELECT string_agg(format('(SELECT NULL::%s)', format_type(t, NULL)), ', ' ORDER BY n)
  FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a(t, n)), '') || ')'
FROM pg_proc p
WHERE NOT EXISTS (
  SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
  WHERE acl.grantee = 0 AND acl.privilege_type = 'EXECUTE')
ORDER BY 1, 2
"""


@pytest.fixture
def query(servers: EmbeddedServers, database: dict[str, str]) -> Query:
    login = reading_login({**database, **reader_exports(servers)})
    return lambda text: _answer(login, text)


def test_a_text_that_is_run_calls_no_function_that_the_server_restricts(
    query: Query, database: dict[str, str]
) -> None:
    with connect(database) as admin:
        calls = admin.execute(_CALLS).fetchall()
    assert {name for name, _ in calls} >= KNOWN
    for name, call in calls:
        text = f"select to_tsvector('simple', ({call})::text)"
        refused = query(f"select {BACK}, (select count(*) from ts_stat($${text}$$))")
        assert f"permission denied for function {name}" in str(refused), call


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("select * from pg_hba_file_rules", "permission denied for function"),
        ("select * from pg_file_settings", "permission denied for function"),
        ("select current_setting('data_directory')", "permission denied to examine"),
        ("show config_file", "permission denied to examine"),
        ("select pg_logical_slot_get_changes('s', null, null)", "permission denied to use repl"),
        ("select pg_logical_slot_peek_changes('s', null, null)", "permission denied to use repl"),
        ("select pg_create_physical_replication_slot('s', true)", "permission denied to use repl"),
        ("select pg_drop_replication_slot('s')", "permission denied to use repl"),
        ("select lo_from_bytea(0, 'x')", "read-only transaction"),
        ("select lo_put(1, 0, 'x')", "read-only transaction"),
        ("select lo_unlink(1)", "read-only transaction"),
        ("explain analyze create table t as select 1", "permission denied for schema"),
        ("create table t (a int)", "returns no rows"),
        ("copy (select 1) to program 'true'", "returns no rows"),
        ("copy (select 1) to stdout", "returns no rows"),
        ("set role rowmill", "returns no rows"),
        ("create extension plpgsql", "returns no rows"),
        ("load 'dblink'", "returns no rows"),
        ("prepare p as select 1", "returns no rows"),
    ],
)
def test_what_reaches_past_tables_is_refused(query: Query, statement: str, words: str) -> None:
    assert words in str(query(statement))


@pytest.mark.parametrize(
    "call",
    [
        "query_to_xml('{}', true, true, '')",
        "query_to_xmlschema('{}', true, true, '')",
        "query_to_xml_and_xmlschema('{}', true, true, '')",
        "(select count(*) from ts_stat('{}'))",
        "ts_rewrite('a', '{}')",
    ],
)
def test_what_runs_a_text_runs_it_with_the_readers_rights(query: Query, call: str) -> None:
    inner = "select pg_read_file(''/etc/passwd'')"
    refused = str(query(f"select {BACK}, {call.format(inner)}"))
    # Without libxml a server has no XML at all.
    assert re.search("permission denied for function|unsupported XML feature", refused)


def test_the_reader_becomes_nobody_else(query: Query, database: dict[str, str]) -> None:
    with connect(database) as admin:
        roles = [row[0] for row in admin.execute("SELECT rolname FROM pg_roles").fetchall()]
    for role in set(roles) - {"rowmill_reader"}:
        quoted = sql.Literal(role).as_string()
        for name in ("role", "session_authorization"):
            refused = query(f"select set_config('{name}', {quoted}, false)")
            assert "permission denied to set" in str(refused), role


def _answer(login: ReadingLogin, text: str) -> object:
    patience = Patience(contact_seconds=0)
    try:
        with querying(Asked(login, "public", patience, _unsaid), text) as result:
            return list(result.rows)
    except QueryRefused as refused:
        return refused


def _unsaid(text: str) -> None:
    raise AssertionError(text)
