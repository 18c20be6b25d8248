"""A loader whose role sets all that can hurt runs, verifies, asks and removes like any other."""

from __future__ import annotations

from pathlib import Path

from psycopg import sql

import rowmill
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands
from tests.integration.experiments import ORDERS, PEOPLE, Connection, manifest

HOSTILE = {
    "bytea_output": "escape",
    "datestyle": "SQL, DMY",
    "default_transaction_deferrable": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "exit_on_error": "on",
    "extra_float_digits": "-15",
    "idle_in_transaction_session_timeout": "1s",
    "idle_session_timeout": "1s",
    "intervalstyle": "sql_standard",
    "lock_timeout": "1ms",
    "quote_all_identifiers": "on",
    "search_path": "nowhere",
    "session_replication_role": "replica",
    "standard_conforming_strings": "off",
    "statement_timeout": "1s",
    "synchronous_commit": "off",
    "timezone": "Asia/Kathmandu",
    "transaction_timeout": "1s",
    "vacuum_cost_delay": "100ms",
}
PEOPLE_TOO = {
    **PEOPLE,
    "unique": [["name", "id"]],
    "columns": [
        *PEOPLE["columns"],
        {"name": "kept", "type": "interval", "generate": {"constant": "P1DT2H3M4S"}},
        {"name": "seen", "type": "timestamptz", "generate": {"constant": "2024-05-06T07:08:09Z"}},
        {"name": "share", "type": "double precision", "generate": {"constant": "0.1"}},
        {"name": "sign", "type": "bytea", "generate": {"constant": "\\x00ff"}},
    ],
}
ASKED = "select kept, seen, share, sign, pg_sleep(1.1)::text as slept from people limit 1"
ANSWERED = {
    "kept": "1 day 02:03:04",
    "seen": "2024-05-06 07:08:09+00",
    "share": 0.1,
    "sign": "\\x00ff",
    "slept": "",
}


def test_a_role_that_sets_all_that_can_hurt_changes_nothing(
    name: str, commands: Commands, servers: EmbeddedServers, database: Connection
) -> None:
    role = sql.Identifier(name)
    told: list[str] = []
    database.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'of-the-test-role'").format(role))
    known = exports(servers)
    grant = sql.SQL("GRANT CREATE ON DATABASE {} TO {}")
    database.execute(grant.format(sql.Identifier(known["PGDATABASE"]), role))
    for setting, value in HOSTILE.items():
        words = sql.SQL("ALTER ROLE {} SET {} = {}")
        database.execute(words.format(role, sql.Identifier(setting), sql.Literal(value)))
    try:
        given = commands.secret(
            "warehouse", known | {"PGUSER": name, "PGPASSWORD": "of-the-test-role"}
        )
        postgres = {"secretName": "warehouse", "ledgerSchema": f"{name}_ledger"}
        file = commands.file(
            manifest(name, tables=[PEOPLE_TOO, ORDERS], postgres=postgres, parquet=None)
        )
        path = Path(given.rpartition("=")[2])
        experiment = rowmill.load(file, secrets={"warehouse": path})
        outcome = experiment.run(on_notice=told.append)
        assert (outcome.run.state, told) == ("COMPLETED", [])
        assert experiment.verify().identical
        asked = commands("query", "-f", file, given, ASKED, "-o", "json")
        assert asked.json["rows"] == [ANSWERED]
        deleted = commands("delete", "-f", file, given, "--yes")
        assert deleted.code == 0, deleted.err
    finally:
        database.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(role))
