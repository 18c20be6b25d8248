"""The login of the embedded Postgres that only reads: made, and set right again, at each start."""

from __future__ import annotations

from psycopg import sql

from rowmill.destinations.postgres.connection import Connection

# Without BYPASSRLS the policies of a user's table would leave rows out of an answer in silence.
_ATTRIBUTES = sql.SQL(
    "LOGIN NOSUPERUSER INHERIT NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS "
    "CONNECTION LIMIT -1 VALID UNTIL 'infinity'"
)


# Of one query's sorts and hashes: a disk that is full stops the runs as well.
_TEMPORARY_FILES = "10GB"


def make_reader(connection: Connection, name: str, password: str) -> None:
    """Give the server a login that may read all tables, and nothing else; set right one that is.

    Args:
        connection: a superuser's, in autocommit mode.
        name: the login's.
        password: the login's. The server gets a verifier of it alone, since a statement may end
            in its log.

    Raises:
        psycopg.Error: Postgres refuses.
    """
    role = sql.Identifier(name)
    verifier = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    ).decode()
    # Whatever default the server was given.
    connection.read_only = False
    with connection.transaction():
        known = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        if connection.execute(known, (name,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {}").format(role))
        connection.execute(
            sql.SQL("ALTER ROLE {} {} PASSWORD {}").format(role, _ATTRIBUTES, sql.Literal(verifier))
        )
        # He can change other settings for his query, but not this one.
        limit = sql.SQL("ALTER ROLE {} SET temp_file_limit = {}")
        connection.execute(limit.format(role, sql.Literal(_TEMPORARY_FILES)))
        for granted, grantor in _memberships(connection, name):
            connection.execute(
                sql.SQL("REVOKE {} FROM {} GRANTED BY {} CASCADE").format(
                    sql.Identifier(granted), role, sql.Identifier(grantor)
                )
            )
        connection.execute(
            sql.SQL("GRANT pg_read_all_data TO {} WITH INHERIT TRUE, SET FALSE").format(role)
        )


def _memberships(connection: Connection, name: str) -> list[tuple[str, str]]:
    """The roles that a role is a member of, each with who made it one."""
    return connection.execute(
        "SELECT pg_get_userbyid(roleid), pg_get_userbyid(grantor) FROM pg_auth_members "
        "WHERE pg_get_userbyid(member) = %s ORDER BY 1, 2",
        (name,),
    ).fetchall()
