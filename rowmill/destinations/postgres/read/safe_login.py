"""What a login for a person's queries must not be able to do, and the SQL that makes a safe one."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from rowmill.destinations.credentials import ReadingLogin
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import Connection

_FILE_ROLES = ("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program")
# Whoever was granted these reaches the server's files without any of the roles, by those of dblink
# as whom the server itself logs in. Extensions may lie in any schema.
_FILE_FUNCTIONS = (
    "dblink_connect_u",
    "lo_export",
    "lo_import",
    "pg_file_rename",
    "pg_file_unlink",
    "pg_file_write",
    "pg_read_binary_file",
    "pg_read_file",
)
_NAMES = ("rowmill_reader", "rowmill_query")
_EMBEDDED = "\nOn the embedded server `rowmill down` and then `rowmill up` set that login right."

# Of session_user: current_user may be another, by a role's own setting or by PGOPTIONS, and a query
# could take that back. A role without INHERIT, or without the right to SET ROLE, is a member too.
_POWERS = """
WITH powers AS (
  SELECT power.rolname = session_user AS own, power.rolname::text AS role, power.rolsuper,
    power.rolname = ANY(%(roles)s) AS files, power.rolreplication,
    (SELECT min(proname::text) FROM pg_proc JOIN pg_language l ON l.oid = prolang
     WHERE proname = ANY(%(functions)s) AND lanname IN ('internal', 'c')
     AND has_function_privilege(power.oid, pg_proc.oid, 'EXECUTE')) AS function
  FROM pg_roles power WHERE pg_has_role(session_user, power.oid, 'MEMBER')
)
SELECT own, role, rolsuper, files, rolreplication, function FROM powers
WHERE rolsuper OR files OR rolreplication OR function IS NOT NULL
ORDER BY rolsuper DESC, own DESC, files DESC, role LIMIT 1
"""


@dataclass(frozen=True)
class Power:
    """A role that a login is (`own`) or may become, and what of it no query may use.

    `function` is one that reaches the server's files and that it may run.
    """

    own: bool
    role: str
    superuser: bool
    files: bool
    replication: bool
    function: str | None


def refuse_unsafe_login(
    connection: Connection, login: ReadingLogin, place: str, schema: str
) -> None:
    """Refuse a login whose queries could reach more than tables.

    Args:
        connection: its connection, with pg_catalog alone on the search path.
        login: whose it is.
        place: the address, without a password.
        schema: what it is to read.

    Raises:
        DestinationRefused: UnsafeLogin, with the SQL that makes a safe login.
        psycopg.Error: Postgres does not answer.
    """
    row = connection.execute(
        _POWERS, {"roles": list(_FILE_ROLES), "functions": list(_FILE_FUNCTIONS)}
    ).fetchone()
    if row is not None:
        raise DestinationRefused("UnsafeLogin", unsafe_login(Power(*row), login, place, schema))


def unsafe_login(power: Power, login: ReadingLogin, place: str, schema: str) -> str:
    """What is wrong with a login, and what makes a safe one."""
    user_key, _ = login.keys
    user = login.values["PGUSER"]
    name = next(each for each in _NAMES if each != user)
    reader, target = sql.Identifier(name), sql.Identifier(schema)
    statements = [
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'PASSWORD';").format(reader),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(target, reader),
        sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {};").format(target, reader),
        # Tables of later runs.
        sql.SQL(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT SELECT ON TABLES TO {};"
        ).format(sql.Identifier(login.loader), target, reader),
    ]
    return (
        f"{user_key} at {place} {_reason(power)}: no query runs by a login that reaches more than "
        "tables. Run as an administrator, with a password of its own for PASSWORD,\n"
        + "\n".join(statement.as_string() for statement in statements)
        + f"\nand put these two keys into the secret\nPGREADUSER={name}\nPGREADPASSWORD=PASSWORD"
        + (_EMBEDDED if user == _NAMES[0] else "")
    )


def _reason(power: Power) -> str:
    whose = "is" if power.own else f'may become "{power.role}", which is'
    if power.superuser:
        return f"{whose} a superuser"
    if power.files:
        return f"is a member of {power.role}, which reaches the server's files"
    if power.replication:
        has = "has" if power.own else f'may become "{power.role}", which has'
        return f"{has} the attribute REPLICATION, whose slots outlive the query"
    runs = "may run" if power.own else f'may become "{power.role}", which may run'
    return f"{runs} {power.function}, which reaches the server's files"
