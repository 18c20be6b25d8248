"""Make users' things on a table: as its owner, and by the names that the database resolves."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from rowmill.destinations.postgres.additions.model import Build, Kind, Statement
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.tables.grants import make_owner

# These may call users' functions with the rights of whoever makes them. An index calls them with
# those of the table's owner, wherever it is made from.
_CALLING = frozenset({Kind.CHECK, Kind.COLUMN})


def execute(cursor: Cursor, schema: str, build: Build, statements: Iterable[Statement]) -> None:
    """Execute some of a build's statements about the tables of `schema`, a run's own.

    A function that users wrote may name what it reads as their sessions find it: after pg_catalog,
    so that nobody slips an operator of his own in, the search_path is the database's.
    """
    if build.role:
        _hand_over(cursor, schema, build)
    cursor.execute(
        "SELECT set_config('search_path', "
        "concat_ws(', ', 'pg_catalog', nullif(nullif(reset_val, ''), '\"\"')), true) "
        "FROM pg_settings WHERE name = 'search_path'"
    )
    is_theirs = bool(build.role) and build.kind in _CALLING
    if is_theirs:
        # Not NONE is set again: the login may act as a role of its own.
        before = cursor.execute("SELECT current_setting('role')").fetchone()
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(build.role)))
    for statement in statements:
        cursor.execute(statement.within(schema))
    if is_theirs:
        cursor.execute("SELECT set_config('role', %s, true)", before)


def _hand_over(cursor: Cursor, schema: str, build: Build) -> None:
    role, name = sql.Identifier(build.role), sql.Identifier(schema)
    cursor.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(name, role))
    make_owner(cursor, sql.Identifier(schema, build.table), build.role)
