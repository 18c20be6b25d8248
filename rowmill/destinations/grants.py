"""Privileges on tables and views: read before they are dropped, given again after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import sql

from rowmill.destinations.postgres_connection import Cursor


@dataclass(frozen=True)
class Grant:
    """One privilege; `column` is None for the whole relation, `grantee` None for PUBLIC."""

    privilege: str
    column: str | None
    grantee: str | None
    grantable: bool


_EXPLODED = (
    "privilege_type, {column}, CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END, "
    "is_grantable"
)


def grants_of(cursor: Cursor, relations: Iterable[int]) -> dict[int, list[Grant]]:
    """The privileges on relations (OIDs), save their owners' own."""
    rows = cursor.execute(
        f"SELECT c.oid, {_EXPLODED.format(column='NULL::text')} "
        "FROM pg_class c, aclexplode(relacl) "
        "WHERE c.oid = ANY(%(oids)s) AND grantee <> relowner "
        f"UNION ALL SELECT c.oid, {_EXPLODED.format(column='attname')} "
        "FROM pg_class c JOIN pg_attribute ON attrelid = c.oid, aclexplode(attacl) "
        "WHERE c.oid = ANY(%(oids)s) AND grantee <> relowner AND NOT attisdropped ORDER BY 1, 2, 4",
        {"oids": list(relations)},
    ).fetchall()
    found: dict[int, list[Grant]] = {}
    for oid, *grant in rows:
        found.setdefault(oid, []).append(Grant(*grant))
    return found


def default_grants(cursor: Cursor, schema: str) -> list[Grant]:
    """What ALTER DEFAULT PRIVILEGES gives on new tables of this role in the schema.

    A table that is moved into a schema does not get them by itself.
    """
    rows = cursor.execute(
        f"SELECT {_EXPLODED.format(column='NULL::text')} "
        "FROM pg_default_acl JOIN pg_namespace n ON n.oid = defaclnamespace, "
        "aclexplode(defaclacl) "
        "WHERE nspname = %s AND defaclobjtype = 'r' AND grantee <> defaclrole "
        "AND pg_get_userbyid(defaclrole) = current_user ORDER BY 1, 3",
        (schema,),
    ).fetchall()
    return [Grant(*row) for row in rows]


def grant_statement(relation: sql.Identifier, grant: Grant) -> sql.Composed:
    """GRANT for one privilege on a table or view."""
    column = sql.SQL(" ({})").format(sql.Identifier(grant.column)) if grant.column else sql.SQL("")
    target = sql.SQL("PUBLIC") if grant.grantee is None else sql.Identifier(grant.grantee)
    return sql.SQL("GRANT {}{} ON {} TO {}{}").format(
        sql.SQL(grant.privilege),
        column,
        relation,
        target,
        sql.SQL(" WITH GRANT OPTION" if grant.grantable else ""),
    )
