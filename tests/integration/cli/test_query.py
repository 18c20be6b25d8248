"""`query` reads tables and reaches nothing else: not the server's files, not another login."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from psycopg import sql

from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands, wait_until
from tests.integration.experiments import PEOPLE, Connection, count, manifest

PASSWORD = "hunter2-of-the-tests"
SAID = re.compile(r"^rowmill: the query runs with all rights of .*PGREADUSER.*\n$")
Roles = Callable[..., str]


@dataclass(frozen=True)
class Kept:
    """A published experiment; `own` is a manifest by which its server is one of one's own."""

    name: str
    file: str
    own: str
    commands: Commands
    known: dict[str, str]

    def secret(self, **changed: str) -> str:
        return self.commands.secret("warehouse", self.known | changed)


@pytest.fixture(scope="module")
def kept(servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    commands = Commands(tmp_path_factory.mktemp("queried"))
    name = f"queried-{os.getpid()}"
    tables = [{**PEOPLE, "rows": 10}]
    file = commands.file(manifest(name, tables=tables, parquet=None))
    mine = manifest(name, tables=tables, parquet=None, postgres={"secretName": "warehouse"})
    assert commands("run", "-f", file, "--progress=none").code == 0
    yield Kept(name, file, commands.file(mine, "own.yaml"), commands, exports(servers))
    commands.end()


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
def reader(kept: Kept, database: Connection, make_role: Roles) -> str:
    """A login that may read the experiment's schema, and no more."""
    name = make_role()
    schema, role = sql.Identifier(kept.name), sql.Identifier(name)
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


def test_in_json_a_document_is_a_value_with_its_digits(kept: Kept) -> None:
    documents = (
        "jsonb '{\"a\": 1.10}' as b, json '[1,  2]' as t, array[jsonb '{\"a\": \"é\"}'] as l"
    )
    done = kept.commands("query", kept.name, f"select {documents}, 2.50 as n", "-o", "json")
    assert (
        done.out == '{"rows": [{"b": {"a": 1.10}, "t": [1,  2], "l": [{"a": "é"}], "n": "2.50"}]}\n'
    )


@pytest.mark.parametrize("back", BACK)
@pytest.mark.parametrize("call", FILES_BY_TEXT)
def test_a_statement_given_as_text_reads_no_file_of_the_server(
    kept: Kept, call: str, back: str
) -> None:
    """Its rights are looked at when it runs, which may be after a `set_config` beside it."""
    done = kept.commands("query", kept.name, f"select {back}, {call}", "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused")
    assert "permission denied" in done.err


def test_a_query_writes_no_file_and_runs_no_program(kept: Kept, large_object: int) -> None:
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
            done = kept.commands("query", kept.name, statement, "-o", "json")
            assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused"), statement
        assert not Path(file).exists()
    assert kept.commands("query", kept.name, "explain select * from people").code == 0


def test_the_embedded_servers_query_may_run_what_any_plain_login_may(
    kept: Kept, database: Connection, make_role: Roles
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
    rows = kept.commands("query", kept.name, words, "-o", "json").json["rows"]
    plain = database.execute(may.format(f"'{make_role()}'", "'EXECUTE'")).fetchall()
    assert [row["function"] for row in rows] == [row[0] for row in plain]


def test_the_embedded_servers_query_reads_all_rows_and_the_ledger(
    kept: Kept, database: Connection, make_role: Roles
) -> None:
    table = sql.Identifier(kept.name, "guarded")
    database.execute(sql.SQL("CREATE TABLE {} AS SELECT 1 AS a").format(table))
    database.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(table))
    try:
        counted = kept.commands(
            "query", kept.name, "select count(*) as n from guarded", "-o", "json"
        )
        assert (counted.json, counted.err) == ({"rows": [{"n": 1}]}, "")
        ledger = "select count(*) > 0 as any from rowmill.runs"
        assert kept.commands("query", kept.name, ledger, "-o", "json").json == {
            "rows": [{"any": True}]
        }
    finally:
        database.execute(sql.SQL("DROP TABLE {}").format(table))


def test_nothing_of_a_query_stays(kept: Kept, database: Connection) -> None:
    sequence = sql.Identifier(kept.name, "counted")
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
        assert kept.commands("query", kept.name, statement).code == 0, statement
    for statement in (
        f"select lo_from_bytea({number}, 'x')",
        f"select {BACK[0]}, (select count(*) from "
        f"ts_stat('select to_tsvector(lo_create({number})::text)'))",
        "select nextval('counted')",
        "select setval('counted', 7)",
        "with gone as (delete from people returning id) select * from gone",
        "select * from people for update",
    ):
        done = kept.commands("query", kept.name, statement)
        assert done.code == 2, statement
        assert re.search("read-only transaction|permission denied for seq", done.err), done.err
    assert list(database.notifies(timeout=0)) == []
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"
    assert database.execute(locks).fetchone() == (0,)
    assert database.execute(objects, (number,)).fetchone() == (0,)
    called = sql.SQL("SELECT is_called FROM {}").format(sequence)
    assert database.execute(called).fetchone() == (False,)
    assert count(database, kept.name, "people") == 10


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
    kept: Kept, make_role: Roles, key: str, attributes: str, granted: tuple[str, ...], words: str
) -> None:
    role = make_role(attributes, granted)
    secret = kept.secret(**{key: role, key.replace("USER", "PASSWORD"): PASSWORD})
    done = kept.commands("query", "-f", kept.own, secret, "select 1", "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (3, "UnsafeLogin")
    assert f"{key} at {role}@" in done.err
    assert words in done.err
    assert PASSWORD not in done.out + done.err


def test_a_login_that_is_a_member_by_two_hops_or_by_a_function_is_refused(
    kept: Kept, database: Connection, make_role: Roles
) -> None:
    between = make_role("NOLOGIN NOINHERIT", ("pg_execute_server_program",))
    distant = make_role("LOGIN", (make_role("NOLOGIN", (between,)),))
    writing = make_role()
    grant = sql.SQL("GRANT EXECUTE ON FUNCTION lo_export(oid, text) TO {}")
    database.execute(grant.format(sql.Identifier(writing)))
    for role, words in ((distant, "pg_execute_server_program"), (writing, "may run lo_export")):
        secret = kept.secret(PGUSER=role, PGPASSWORD=PASSWORD)
        done = kept.commands("query", "-f", kept.own, secret, "select 1")
        assert (done.code, words in done.err) == (3, True), done.err


def test_a_login_that_may_run_an_extensions_file_function_is_refused(
    kept: Kept, database: Connection, make_role: Roles
) -> None:
    """As adminpack has them up to Postgres 16, in whatever schema."""
    writing, function = make_role(), sql.Identifier(kept.name, "pg_file_write")
    database.execute(
        sql.SQL(
            "CREATE FUNCTION {0}(oid, text) RETURNS int LANGUAGE internal AS 'be_lo_export'; "
            "REVOKE ALL ON FUNCTION {0} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {0} TO {1}"
        ).format(function, sql.Identifier(writing))
    )
    try:
        secret = kept.secret(PGUSER=writing, PGPASSWORD=PASSWORD)
        done = kept.commands("query", "-f", kept.own, secret, "select 1", "-o", "json")
        assert (done.code, done.json["error"]["reason"]) == (3, "UnsafeLogin")
        assert "may run pg_file_write" in done.err
    finally:
        database.execute(sql.SQL("DROP FUNCTION {}").format(function))


def test_a_superuser_that_starts_as_another_role_is_refused(kept: Kept, make_role: Roles) -> None:
    """It could come back by set_config: what counts is who logged in."""
    role, mask = make_role("LOGIN SUPERUSER"), make_role().replace(" ", "\\\\ ")
    secret = kept.secret(PGUSER=role, PGPASSWORD=PASSWORD, PGOPTIONS=f"-c role={mask}")
    done = kept.commands("query", "-f", kept.own, secret, "select current_user", "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (3, "UnsafeLogin")
    assert "is a superuser" in done.err


def test_the_refusals_own_words_make_a_login_that_reads_this_run_and_the_next(
    kept: Kept, database: Connection
) -> None:
    refused = kept.commands("query", "-f", kept.own, kept.secret(), "select 1")
    lines = refused.err.splitlines()
    statements = [line for line in lines if line.endswith(";")]
    keys = dict(line.split("=") for line in lines if line.startswith("PGREAD"))
    assert set(keys) == {"PGREADUSER", "PGREADPASSWORD"}
    # Another server's role of that name is there already: the embedded server's own.
    mine = f"reader_{kept.name}"
    for statement in statements:
        database.execute(
            statement.replace(keys["PGREADUSER"], mine)
            .replace("'PASSWORD'", f"'{PASSWORD}'")
            .encode()
        )
    try:
        secret = kept.secret(PGREADUSER=mine, PGREADPASSWORD=PASSWORD)
        tables = [{**PEOPLE, "rows": 11}]
        again = kept.commands.file(manifest(kept.name, tables=tables, parquet=None), "again.yaml")
        question = "select count(*) as n, session_user::text as who from people"
        for rows in (10, 11):
            done = kept.commands("query", "-f", kept.own, secret, question, "-o", "json")
            assert (done.json, done.err) == ({"rows": [{"n": rows, "who": mine}]}, "")
            assert kept.commands("run", "-f", again, "--progress=none").code == 0
    finally:
        kept.commands("run", "-f", kept.file, "--progress=none")
        role = sql.Identifier(mine)
        database.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))


def test_a_plain_login_reads_with_its_own_rights_and_that_is_said(kept: Kept, reader: str) -> None:
    secret = kept.secret(PGUSER=reader, PGPASSWORD=PASSWORD)
    done = kept.commands(
        "query", "-f", kept.own, secret, "select count(*) as n from people", "-o", "json"
    )
    assert done.json == {"rows": [{"n": 10}]}
    assert SAID.fullmatch(done.err)
    assert f"{reader}@" in done.err


def test_a_reader_logs_in_with_its_own_password_or_not_at_all(kept: Kept, reader: str) -> None:
    for password in ({"PGREADPASSWORD": "wrong"}, {"PGREADPASSWORD": ""}):
        secret = kept.secret(PGREADUSER=reader, **password)
        done = kept.commands("query", "-f", kept.own, secret, "select 1", "-o", "json")
        assert (done.code, done.json["error"]["reason"]) == (3, "CredentialsRefused")
        assert "Check PGREADUSER and PGREADPASSWORD in the secret" in done.err
        assert f"{reader}@" in done.err


def test_a_reader_in_the_environment_reads(kept: Kept, reader: str) -> None:
    env = kept.known | {"PGREADUSER": reader, "PGREADPASSWORD": PASSWORD}
    done = kept.commands(
        "query", "-f", kept.own, "select session_user::text as u", "-o", "json", env=env
    )
    assert (done.json, done.err) == ({"rows": [{"u": reader}]}, "")


def test_a_reader_without_the_right_to_the_schema_is_told_so_by_postgres(
    kept: Kept, make_role: Roles
) -> None:
    secret = kept.secret(PGREADUSER=make_role(), PGREADPASSWORD=PASSWORD)
    words = f'select * from "{kept.name}".people'
    done = kept.commands("query", "-f", kept.own, secret, words, "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused")
    assert f"permission denied for schema {kept.name}" in done.err


def test_an_interrupt_ends_the_query_at_the_server_too(kept: Kept, database: Connection) -> None:
    mark = uuid.uuid4().hex
    process = kept.commands.start("query", kept.name, f"select pg_sleep(3600), '{mark}'")
    wait_until(lambda: _sessions(database, mark) == [("Timeout",)], process)
    _interrupt(process)
    assert kept.commands.finish(process).code == 5
    wait_until(lambda: _sessions(database, mark) == [])


def test_a_client_that_is_killed_takes_its_query_with_it(kept: Kept, database: Connection) -> None:
    mark = uuid.uuid4().hex
    process = kept.commands.start("query", kept.name, f"select pg_sleep(3600), '{mark}'")
    wait_until(lambda: _sessions(database, mark) == [("Timeout",)], process)
    process.kill()
    process.communicate()
    wait_until(lambda: _sessions(database, mark) == [])


def test_a_connection_that_is_cut_is_told_as_such(kept: Kept) -> None:
    done = kept.commands(
        "query", kept.name, "select pg_terminate_backend(pg_backend_pid())", "-o", "json"
    )
    assert done.code == 4
    assert "It was lost while it was read; run the same command again" in done.err
    assert "600 s" not in done.err


def test_an_interrupt_ends_a_query_that_waits_for_a_tables_lock(
    kept: Kept, connect: Callable[[], Connection], database: Connection
) -> None:
    mark = uuid.uuid4().hex
    with connect() as other, other.transaction():
        other.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(kept.name, "people")))
        process = kept.commands.start("query", kept.name, f"select '{mark}' from people")
        wait_until(lambda: _sessions(database, mark) == [("Lock",)], process)
        _interrupt(process)
        assert kept.commands.finish(process).code == 5
        wait_until(lambda: _sessions(database, mark) == [])


_MEASURED = """
import runpy, sys
try:
    runpy.run_module("rowmill", run_name="__main__", alter_sys=True)
finally:
    print(open("/proc/self/status").read(), file=sys.stderr)
"""


@pytest.mark.parametrize("output", ["csv", "json"])
def test_a_result_of_any_size_passes_through_little_memory(kept: Kept, output: str) -> None:
    """150 MB of rows, of which a program that keeps them all takes several times as much."""
    query = "select g, repeat('x', 750) as wide from generate_series(1, 200000) g"
    words = [sys.executable, "-c", _MEASURED, "query", kept.name, query, "-o", output]
    done = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
    )
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert peak is not None
    assert int(peak[1]) < 200_000


def test_a_table_shows_the_first_rows_and_ends_the_query_at_the_server(
    kept: Kept, database: Connection
) -> None:
    mark = uuid.uuid4().hex
    # In FROM the server would make all the numbers first.
    endless = f"select generate_series(1, 10000000000), '{mark}'"
    out = kept.commands("query", kept.name, endless).out.splitlines()
    assert out[0] == "the first 1,000 rows"
    assert out[-1] == "There are more than these 1,000 rows: -o csv or -o json gives all."
    assert re.search(r"^ +1000 . ", out[-2])
    wait_until(lambda: _sessions(database, mark) == [])


def test_an_interrupt_amid_the_rows_ends_document_and_query(
    kept: Kept, database: Connection
) -> None:
    mark = uuid.uuid4().hex
    slow = "pg_sleep(case when g > 9000 then 3600 else 0 end)"
    query = f"select g, '{mark}' as mark, {slow} from generate_series(1, 9999) g"
    process = kept.commands.start("query", kept.name, query, "-o", "json")
    assert process.stdout is not None
    begun = process.stdout.read(10_000)
    rest: list[str] = []
    # A full pipe would keep it from waiting for the next row.
    reading = threading.Thread(target=lambda: rest.extend(process.stdout or ()))
    reading.start()
    wait_until(lambda: _sessions(database, mark) == [("Timeout",)], process)
    _interrupt(process)
    reading.join()
    assert process.wait() == 5
    document = json.loads(begun + "".join(rest))
    assert (document["error"]["reason"], document["error"]["exitCode"]) == ("Interrupted", 5)
    assert [row["g"] for row in document["rows"]] == list(range(1, len(document["rows"]) + 1))
    wait_until(lambda: _sessions(database, mark) == [])


def test_an_error_amid_the_rows_is_the_last_member_of_the_document(kept: Kept) -> None:
    query = "select 1 / (1500 - g) as n from generate_series(1, 3000) g"
    done = kept.commands("query", kept.name, query, "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused")
    assert (done.json["error"]["message"], done.err) == (
        "division by zero",
        "rowmill: division by zero\n",
    )
    assert 0 < len(done.json["rows"]) < 1_500


def _sessions(database: Connection, mark: str) -> list[tuple[str, ...]]:
    """What the sessions wait for whose query holds the mark."""
    return database.execute(
        "SELECT wait_event_type FROM pg_stat_activity "
        "WHERE query LIKE %s AND pid <> pg_backend_pid()",
        (f"%{mark}%",),
    ).fetchall()


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
