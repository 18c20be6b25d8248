"""Statements that try to read, write or stay where a query may not, and what comes of each."""

from __future__ import annotations

from dataclasses import dataclass

FILE = "/tmp/rowmill-attack"
# Those of the attacked database, of which no cell may tell.
OTHERS_QUERY = "the query of another login"
MESSAGE_CHANNEL = "rowmill_attack"


@dataclass(frozen=True)
class Attack:
    """One statement. `says` is found in its refusal; None: it runs, and does no harm.

    An `endless` one is ended by a bound or by who asked; it may be refused as well.
    """

    sql: str
    says: str | None = None
    endless: bool = False


def refused(sql: str, says: str) -> Attack:
    return Attack(sql, says)


def harmless(sql: str) -> Attack:
    return Attack(sql)


def endless(sql: str) -> Attack:
    return Attack(sql, endless=True)


_NO_ROWS = "this returns no rows"
_READ_ONLY = "in a read-only transaction"
_DENIED = "permission denied"
_SYNTAX = "syntax error"
_ONE = "one SQL statement at a time"

ANOTHER_LOGIN = (
    refused("select set_config('role', 'none', true), pg_read_file('/etc/passwd')", _DENIED),
    refused("select set_config('role', '{superuser}', false)", "permission denied to set role"),
    refused(
        "select set_config('session_authorization', '{superuser}', false)",
        "permission denied to set session authorization",
    ),
    refused("reset role", _NO_ROWS),
    refused("set session authorization default", _NO_ROWS),
    refused("reset session authorization", _NO_ROWS),
    refused("set role none", _NO_ROWS),
    refused("alter role current_user superuser", _NO_ROWS),
    refused("grant pg_read_server_files to current_user", _NO_ROWS),
    refused("create role mallory superuser", _NO_ROWS),
)
FILES = (
    refused(
        "select set_config('role', 'none', true), (select count(*) from ts_stat("
        "$$select to_tsvector('simple', pg_read_file('/etc/passwd'))$$))",
        _DENIED,
    ),
    refused(
        "select query_to_xml('select pg_read_file(''/etc/passwd'')', true, true, '')",
        f"{_DENIED}|unsupported XML",
    ),
    refused("select database_to_xml(true, true, '')", f"{_DENIED}|unsupported XML"),
    refused("select pg_read_file('postgresql.conf')", _DENIED),
    refused("select pg_read_binary_file('global/pg_control')", _DENIED),
    refused("select * from pg_ls_dir('.')", _DENIED),
    refused("select * from pg_ls_waldir()", _DENIED),
    refused("select * from pg_stat_file('PG_VERSION')", _DENIED),
    refused("select * from pg_hba_file_rules", _DENIED),
    refused("select * from pg_file_settings", _DENIED),
    refused("select current_setting('data_directory')", "permission denied to examine"),
    refused("select current_setting('hba_file')", "permission denied to examine"),
    refused("select lo_import('/etc/passwd')", _DENIED),
    refused("select lo_export(4242, '{file}')", _DENIED),
    refused("copy (select 1) to '{file}'", _NO_ROWS),
    refused("copy (select 1) to program 'touch {file}'", _NO_ROWS),
    refused("copy shop.orders from program 'echo 1'", _NO_ROWS),
    refused("select dblink('host=127.0.0.1', 'select 1')", "does not exist"),
    refused("select dblink_connect_u('x')", "does not exist"),
    refused("create extension dblink", _NO_ROWS),
    refused("create server mallory foreign data wrapper postgres_fdw", _NO_ROWS),
    refused("load 'auto_explain'", _NO_ROWS),
)
WRITES = (
    refused("insert into shop.orders values (7) returning *", f"{_READ_ONLY}|CSV is of"),
    refused("update shop.orders set id = 7 returning *", f"{_READ_ONLY}|CSV is of"),
    refused("delete from shop.orders returning *", f"{_READ_ONLY}|CSV is of"),
    refused(
        "merge into shop.orders o using shop.orders n on o.id = n.id "
        "when matched then delete returning o.id",
        f"{_READ_ONLY}|CSV is of",
    ),
    refused("truncate shop.orders", _NO_ROWS),
    refused(
        "with gone as (delete from shop.orders returning *) select * from gone",
        f"{_READ_ONLY}|a query only reads",
    ),
    refused("explain analyze delete from shop.orders", f"{_READ_ONLY}|CSV is of"),
    refused("explain analyze create table shop.t as select 1", f"{_DENIED}|{_READ_ONLY}|CSV is of"),
    refused("select * into shop.t from shop.orders", _NO_ROWS),
    refused("create table shop.t (a int)", _NO_ROWS),
    refused("create temp table t (a int)", _NO_ROWS),
    refused("create schema mallory", _NO_ROWS),
    refused("create function f() returns int language sql as 'select 1'", _NO_ROWS),
    refused("drop table shop.orders", _NO_ROWS),
    refused("select * from shop.orders for update", _READ_ONLY),
    refused("select nextval('shop.numbers')", f"{_DENIED}|{_READ_ONLY}"),
    refused("select setval('shop.numbers', 99)", f"{_DENIED}|{_READ_ONLY}"),
    refused("select lo_create(77)", _READ_ONLY),
    refused("select lo_from_bytea(77, 'x')", _READ_ONLY),
    refused("select lo_put(4242, 0, 'x')", f"{_DENIED}|{_READ_ONLY}"),
    refused("select lo_unlink(4242)", f"{_DENIED}|{_READ_ONLY}|must be owner"),
    refused("do $$begin delete from shop.orders; end$$", _NO_ROWS),
    refused("select set_config('transaction_read_only', 'off', true)", "must be set before"),
    refused("set transaction read write", _NO_ROWS),
    refused("set transaction_read_only = off", _NO_ROWS),
    harmless("select set_config('default_transaction_read_only', 'off', false)"),
    refused("prepare transaction 'mallory'", _NO_ROWS),
    refused("update pg_class set relname = relname returning 1", f"{_READ_ONLY}|CSV is of"),
)
# Of a function that its owner lets everybody run, with the owner's rights.
FUNCTIONS = (
    refused("select shop.writes()", _READ_ONLY),
    refused("select shop.opens_up()", "must be set before"),
    refused("select shop.drops()", _READ_ONLY),
    refused("select shop.makes_temporary()", _READ_ONLY),
    refused("call shop.commits(1)", "invalid transaction termination|CSV is of"),
    refused("call shop.writes_and_commits(1)", f"{_READ_ONLY}|CSV is of"),
    harmless("select shop.locks()"),
    endless("select shop.catches_a_cancel()"),
)
MORE_THAN_ONE = (
    refused("select 1; select 2", _ONE),
    refused("select 1; commit; drop table shop.orders", _ONE),
    refused("commit", _NO_ROWS),
    refused("rollback; begin; delete from shop.orders", _ONE),
    refused("select 1) as q; drop table shop.orders; --", _SYNTAX),
    refused("select 1) to program 'touch {file}' --", _SYNTAX),
    refused("select 1 /* ", "unterminated"),
    refused("select 1 -- ) \n ) as q, (select pg_read_file('x')", _SYNTAX),
    refused("select 'a", "unterminated"),
    refused("select $a$", "unterminated"),
    refused("select 1) as q (c1) where true or (1 = (1", _SYNTAX),
    refused("select 1\0; drop table shop.orders", "a NUL"),
    refused("select '\udcff'", "a NUL, or half a surrogate"),
    refused(r"select convert_from('\xff', 'UTF8')", "invalid byte sequence"),
    harmless("select 1 -- ) to program 'touch {file}'"),
    harmless("select ';'; -- it's; all"),
    harmless('select 1 as "c1"" from pg_authid; --", 2 as c1'),
)
OTHERS = (
    refused("select pg_terminate_backend(pid) from pg_stat_activity where pid = {victim}", _DENIED),
    refused("select pg_terminate_backend({victim})", _DENIED),
    refused("select pg_cancel_backend({victim})", _DENIED),
    refused("select pg_reload_conf()", _DENIED),
    refused("select pg_rotate_logfile()", _DENIED),
    refused("select pg_switch_wal()", _DENIED),
    refused("select pg_create_restore_point('x')", _DENIED),
    refused("select pg_stat_reset()", _DENIED),
    refused("select pg_create_logical_replication_slot('x', 'pgoutput')", _DENIED),
    harmless("select pg_notify('{channel}', 'x')"),
    refused("notify {channel}", _NO_ROWS),
    refused("listen {channel}", _NO_ROWS),
    refused("lock table shop.orders", _NO_ROWS),
    harmless("select pg_advisory_lock(1), pg_advisory_lock_shared(2), pg_advisory_xact_lock(3)"),
    harmless("select pg_export_snapshot()"),
    harmless("select txid_current(), pg_current_xact_id()"),
    # Of the WAL alone: it is in no table, and any login may do it.
    harmless("select pg_logical_emit_message(true, 'x', 'y')"),
    harmless("select * from pg_stat_activity"),
    harmless("select * from pg_stat_get_activity(null)"),
    harmless("select inet_server_addr(), inet_server_port(), version()"),
    refused("declare c cursor with hold for select 1", _NO_ROWS),
    refused("prepare p as select 1", _NO_ROWS),
    refused("checkpoint", _NO_ROWS),
)
TIME_AND_MEMORY = (
    endless("select pg_sleep(3600)"),
    endless("select set_config('statement_timeout', '0', false), pg_sleep(3600)"),
    endless("select pg_advisory_lock(4), pg_sleep(3600)"),
    endless("select * from generate_series(1, 1e12::bigint)"),
    endless("select generate_series(1, 1e12::bigint), repeat('x', 1000)"),
    endless("with recursive r as (select 1 as n union all select n from r) select count(*) from r"),
    endless("select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b"),
    endless("select repeat('x', 1000000000)"),
    endless("select repeat(g::text, 400000000) from generate_series(1, 9) g"),
    endless("select array_agg(repeat('x', 9000000)) from generate_series(1, 20)"),
    endless(r"select repeat('a', 2001) || 'b' ~ '^(a+)(a+)(a+)\1\1\2\2\3\3b$'"),
    endless("select n from (values (1), (2)) t (n), pg_sleep(3600)"),
    harmless("select set_config('work_mem', '1TB', true)"),
)
ATTACKS = (
    *ANOTHER_LOGIN,
    *FILES,
    *WRITES,
    *FUNCTIONS,
    *MORE_THAN_ONE,
    *OTHERS,
    *TIME_AND_MEMORY,
)
