"""`query` reads tables and reaches nothing else: not the server's files, not another login."""

import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from psycopg import sql

from tests.integration.cli.queried import Queried
from tests.integration.experiments import PEOPLE, Connection, count, manifest

PASSWORD = "hunter2-of-the-tests"
SAID = re.compile(r"^rowmill: the query runs with all rights of .*PGREADUSER.*\n$")
Roles = Callable[..., str]


@pytest.fixture
def make_role(database: Connection) -> Iterator[Roles]:
    """Makes a role of these attributes and memberships; returns its name."""
    with ExitStack() as stack:

        def make(attributes: str = "LOGIN", member_of: tuple[str, ...] = ()) -> str:
            name = f"role {uuid.uuid4().hex[:8]}"
            role = sql.Identifier(name)
            database.execute(
                sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(role, sql.SQL(attributes), PASSWORD)
            )
            drop = sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role)
            stack.callback(database.execute, drop)
            for granted in member_of:
                grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(granted), role)
                database.execute(grant)
            return name

        yield make


@pytest.fixture
def reader(queried: Queried, database: Connection, make_role: Roles) -> str:
    """A login that may read the experiment's schema, and no more."""
    name = make_role()
    schema, role = sql.Identifier(queried.name), sql.Identifier(name)
    database.execute(
        sql.SQL("GRANT USAGE ON SCHEMA {0} TO {1}; GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO {1}")
        .format(schema, role)
    )  # fmt: skip
    return name


@pytest.fixture
def large_object(database: Connection) -> Iterator[int]:
    [made] = database.execute("SELECT lo_from_bytea(0, 'written')").fetchone() or ()
    yield made
    database.execute("SELECT lo_unlink(%s)", (made,))


FILES_BY_TEXT = (
    "(select string_agg(word, ' ') from ts_stat("
    "'select to_tsvector(''simple'', pg_read_file(''/etc/passwd''))'))",
    "ts_rewrite('a', 'select ''a''::tsquery, "
    "to_tsquery(''simple'', quote_literal(pg_read_file(''/etc/hostname'')))')",
)
BACK = ("set_config('role', 'none', true)", "set_config('session_authorization', 'rowmill', true)")


def test_in_json_a_document_is_a_value_with_its_digits(queried: Queried) -> None:
    documents = (
        "jsonb '{\"a\": 1.10}' as b, json '[1,  2]' as t, array[jsonb '{\"a\": \"é\"}'] as l"
    )
    done = queried.commands("query", queried.name, f"select {documents}, 2.50 as n", "-o", "json")
    assert (
        done.out == '{"rows": [{"b": {"a": 1.10}, "t": [1,  2], "l": [{"a": "é"}], "n": "2.50"}]}\n'
    )


@pytest.mark.parametrize("back", BACK)
@pytest.mark.parametrize("call", FILES_BY_TEXT)
def test_a_statement_given_as_text_reads_no_file_of_the_server(
    queried: Queried, call: str, back: str
) -> None:
    """Its rights are looked at when it runs, which may be after a `set_config` beside it."""
    done = queried.commands("query", queried.name, f"select {back}, {call}", "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused")
    assert "permission denied" in done.err


def test_a_query_writes_no_file_and_runs_no_program(queried: Queried, large_object: int) -> None:
    # The server writes under an account of its own, for which few folders are open.
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        file = f"{folder}/written"
        for statement in (
            f"copy (select 1) to program 'touch {file}'",
            f"copy (select 1) to '{file}'",
            f"do $$ begin reset role; copy (select 1) to '{file}'; end $$",
            f"select set_config('role', 'none', true), lo_export(1, '{file}')",
            f"select {BACK[0]}, (select count(*) from ts_stat("
            f"$$select to_tsvector(lo_export({large_object}, '{file}')::text)$$))",
            "select pg_read_file('postgresql.conf')",
        ):
            done = queried.commands("query", queried.name, statement, "-o", "json")
            assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused"), statement
        assert not Path(file).exists()
    assert queried.commands("query", queried.name, "explain select * from people").code == 0


def test_the_embedded_servers_query_may_run_what_any_plain_login_may(
    queried: Queried, database: Connection, make_role: Roles
) -> None:
    """Asked of the server, whichever functions it has: a plain login is the measure."""
    restricted = (
        "from pg_proc p where not exists (select from "
        "aclexplode(coalesce(proacl, acldefault('f', proowner))) a "
        "where a.grantee = 0 and a.privilege_type = 'EXECUTE')"
    )
    functions = f"select p.oid::regprocedure::text as function {restricted} order by 1"
    may = f"{functions.replace('where', 'where has_function_privilege({}, p.oid, {}) and', 1)}"
    found = [row[0] for row in database.execute(functions)]
    assert len(found) > 50
    assert "pg_read_file(text)" in found
    words = may.format("session_user", "'EXECUTE'")
    rows = queried.commands("query", queried.name, words, "-o", "json").json["rows"]
    plain = database.execute(may.format(f"'{make_role()}'", "'EXECUTE'")).fetchall()
    assert [row["function"] for row in rows] == [row[0] for row in plain]


def test_the_embedded_servers_query_reads_all_rows_and_the_ledger(
    queried: Queried, database: Connection, make_role: Roles
) -> None:
    table = sql.Identifier(queried.name, "guarded")
    database.execute(sql.SQL("CREATE TABLE {} AS SELECT 1 AS a").format(table))
    database.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(table))
    try:
        counted = queried.commands(
            "query", queried.name, "select count(*) as n from guarded", "-o", "json"
        )
        assert (counted.json, counted.err) == ({"rows": [{"n": 1}]}, "")
        ledger = "select count(*) > 0 as any from rowmill.runs"
        assert queried.commands("query", queried.name, ledger, "-o", "json").json == {
            "rows": [{"any": True}]
        }
    finally:
        database.execute(sql.SQL("DROP TABLE {}").format(table))


def test_nothing_of_a_query_stays(queried: Queried, database: Connection) -> None:
    sequence = sql.Identifier(queried.name, "counted")
    database.execute(sql.SQL("CREATE SEQUENCE IF NOT EXISTS {}").format(sequence))
    database.execute("LISTEN told")
    # A number of its own: other tests make large objects on these servers meanwhile.
    number = 3_000_000_000 + os.getpid()
    objects = "SELECT count(*) FROM pg_largeobject_metadata WHERE oid = %s"
    for statement in (
        "select pg_notify('told', 'by a query')",
        "select pg_advisory_lock(4711)",
        "select set_config('search_path', 'nowhere', false)",
        "select set_config('default_transaction_read_only', 'off', false)",
    ):
        assert queried.commands("query", queried.name, statement).code == 0, statement
    for statement in (
        f"select lo_from_bytea({number}, 'x')",
        f"select {BACK[0]}, (select count(*) from "
        f"ts_stat('select to_tsvector(lo_create({number})::text)'))",
        "select nextval('counted')",
        "select setval('counted', 7)",
        "with gone as (delete from people returning id) select * from gone",
        "select * from people for update",
    ):
        done = queried.commands("query", queried.name, statement)
        assert done.code == 2, statement
        assert re.search("read-only transaction|permission denied for seq", done.err), done.err
    assert list(database.notifies(timeout=0)) == []
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"
    assert database.execute(locks).fetchone() == (0,)
    assert database.execute(objects, (number,)).fetchone() == (0,)
    called = sql.SQL("SELECT is_called FROM {}").format(sequence)
    assert database.execute(called).fetchone() == (False,)
    assert count(database, queried.name, "people") == 10


@pytest.mark.parametrize(
    ("key", "attributes", "granted", "words"),
    [
        ("PGUSER", "LOGIN SUPERUSER", (), "is a superuser"),
        ("PGREADUSER", "LOGIN SUPERUSER", (), "is a superuser"),
        ("PGUSER", "LOGIN", ("pg_read_server_files",), "is a member of pg_read_server_files"),
        ("PGUSER", "LOGIN", ("pg_write_server_files",), "is a member of pg_write_server_files"),
        ("PGUSER", "LOGIN NOINHERIT", ("pg_execute_server_program",), "pg_execute_server_program"),
        ("PGUSER", "LOGIN", ("rowmill",), 'may become "rowmill", which is a superuser'),
        ("PGREADUSER", "LOGIN REPLICATION", (), "has the attribute REPLICATION"),
    ],
)
def test_a_login_that_reaches_more_than_tables_is_refused(
    queried: Queried,
    make_role: Roles,
    key: str,
    attributes: str,
    granted: tuple[str, ...],
    words: str,
) -> None:
    role = make_role(attributes, granted)
    secret = queried.secret(**{key: role, key.replace("USER", "PASSWORD"): PASSWORD})
    done = queried.commands("query", "-f", queried.own, secret, "select 1", "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (3, "UnsafeLogin")
    assert f"{key} at {role}@" in done.err
    assert words in done.err
    assert PASSWORD not in done.out + done.err


def test_a_login_that_is_a_member_by_two_hops_or_by_a_function_is_refused(
    queried: Queried, database: Connection, make_role: Roles
) -> None:
    between = make_role("NOLOGIN NOINHERIT", ("pg_execute_server_program",))
    distant = make_role("LOGIN", (make_role("NOLOGIN", (between,)),))
    writing = make_role()
    grant = sql.SQL("GRANT EXECUTE ON FUNCTION lo_export(oid, text) TO {}")
    database.execute(grant.format(sql.Identifier(writing)))
    for role, words in ((distant, "pg_execute_server_program"), (writing, "may run lo_export")):
        secret = queried.secret(PGUSER=role, PGPASSWORD=PASSWORD)
        done = queried.commands("query", "-f", queried.own, secret, "select 1")
        assert (done.code, words in done.err) == (3, True), done.err


def test_a_login_that_may_run_an_extensions_file_function_is_refused(
    queried: Queried, database: Connection, make_role: Roles
) -> None:
    """As adminpack has them up to Postgres 16, in whatever schema."""
    writing, function = make_role(), sql.Identifier(queried.name, "pg_file_write")
    database.execute(
        sql.SQL(
            "CREATE FUNCTION {0}(oid, text) RETURNS int LANGUAGE internal AS 'be_lo_export'; "
            "REVOKE ALL ON FUNCTION {0} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {0} TO {1}"
        ).format(function, sql.Identifier(writing))
    )
    try:
        secret = queried.secret(PGUSER=writing, PGPASSWORD=PASSWORD)
        done = queried.commands("query", "-f", queried.own, secret, "select 1", "-o", "json")
        assert (done.code, done.json["error"]["reason"]) == (3, "UnsafeLogin")
        assert "may run pg_file_write" in done.err
    finally:
        database.execute(sql.SQL("DROP FUNCTION {}").format(function))


def test_a_superuser_that_starts_as_another_role_is_refused(
    queried: Queried, make_role: Roles
) -> None:
    """It could come back by set_config: what counts is who logged in."""
    role, mask = make_role("LOGIN SUPERUSER"), make_role().replace(" ", "\\\\ ")
    secret = queried.secret(PGUSER=role, PGPASSWORD=PASSWORD, PGOPTIONS=f"-c role={mask}")
    done = queried.commands("query", "-f", queried.own, secret, "select current_user", "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (3, "UnsafeLogin")
    assert "is a superuser" in done.err


def test_the_refusals_own_words_make_a_login_that_reads_this_run_and_the_next(
    queried: Queried, database: Connection
) -> None:
    refused = queried.commands("query", "-f", queried.own, queried.secret(), "select 1")
    lines = refused.err.splitlines()
    statements = [line for line in lines if line.endswith(";")]
    keys = dict(line.split("=") for line in lines if line.startswith("PGREAD"))
    assert set(keys) == {"PGREADUSER", "PGREADPASSWORD"}
    # Another server's role of that name is there already: the embedded server's own.
    mine = f"reader_{queried.name}"
    for statement in statements:
        database.execute(
            statement.replace(keys["PGREADUSER"], mine)
            .replace("'PASSWORD'", f"'{PASSWORD}'")
            .encode()
        )
    try:
        secret = queried.secret(PGREADUSER=mine, PGREADPASSWORD=PASSWORD)
        tables = [{**PEOPLE, "rows": 11}]
        again = queried.commands.file(
            manifest(queried.name, tables=tables, parquet=None), "again.yaml"
        )
        question = "select count(*) as n, session_user::text as who from people"
        for rows in (10, 11):
            done = queried.commands("query", "-f", queried.own, secret, question, "-o", "json")
            assert (done.json, done.err) == ({"rows": [{"n": rows, "who": mine}]}, "")
            assert queried.commands("run", "-f", again, "--progress=none").code == 0
    finally:
        queried.commands("run", "-f", queried.file, "--progress=none")
        role = sql.Identifier(mine)
        database.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))


def test_a_plain_login_reads_with_its_own_rights_and_that_is_said(
    queried: Queried, reader: str
) -> None:
    secret = queried.secret(PGUSER=reader, PGPASSWORD=PASSWORD)
    done = queried.commands(
        "query", "-f", queried.own, secret, "select count(*) as n from people", "-o", "json"
    )
    assert done.json == {"rows": [{"n": 10}]}
    assert SAID.fullmatch(done.err)
    assert f"{reader}@" in done.err


def test_a_reader_logs_in_with_its_own_password_or_not_at_all(
    queried: Queried, reader: str
) -> None:
    for password in ({"PGREADPASSWORD": "wrong"}, {"PGREADPASSWORD": ""}):
        secret = queried.secret(PGREADUSER=reader, **password)
        done = queried.commands("query", "-f", queried.own, secret, "select 1", "-o", "json")
        assert (done.code, done.json["error"]["reason"]) == (3, "CredentialsRefused")
        assert "Check PGREADUSER and PGREADPASSWORD in the secret" in done.err
        assert f"{reader}@" in done.err


def test_a_reader_in_the_environment_reads(queried: Queried, reader: str) -> None:
    env = queried.known | {"PGREADUSER": reader, "PGREADPASSWORD": PASSWORD}
    done = queried.commands(
        "query", "-f", queried.own, "select session_user::text as u", "-o", "json", env=env
    )
    assert (done.json, done.err) == ({"rows": [{"u": reader}]}, "")


def test_a_reader_without_the_right_to_the_schema_is_told_so_by_postgres(
    queried: Queried, make_role: Roles
) -> None:
    secret = queried.secret(PGREADUSER=make_role(), PGREADPASSWORD=PASSWORD)
    words = f'select * from "{queried.name}".people'
    done = queried.commands("query", "-f", queried.own, secret, words, "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused")
    assert f"permission denied for schema {queried.name}" in done.err
