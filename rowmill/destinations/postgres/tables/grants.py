"""Owners and privileges of tables and views: read before they are dropped, the same again after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from rowmill.destinations.postgres.connection import Cursor


@dataclass(frozen=True)
class Grant:
    """One privilege; `column` is None for the whole relation, `grantee` None for PUBLIC."""

    privilege: str
    column: str | None
    grantee: str | None
    grantable: bool


@dataclass(frozen=True)
class Privileges:
    """Whose a relation is, and who may do what with it.

    `owners` are the owner's own privileges; None if nobody took any of them away.
    """

    owner: str
    grants: tuple[Grant, ...]
    owners: tuple[Grant, ...] | None

    def on_columns(self, columns: Iterable[str]) -> Privileges:
        """Without the grants on columns that are not there."""
        there = {None, *columns}
        kept = tuple(grant for grant in self.grants if grant.column in there)
        return Privileges(self.owner, kept, self.owners)


_EXPLODED = (
    "privilege_type, {column}, CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END, "
    "is_grantable"
)


def privileges_of(cursor: Cursor, relations: Iterable[int]) -> dict[int, Privileges]:
    """Owner and privileges of relations (OIDs)."""
    oids = list(relations)
    if not oids:
        return {}
    rows = cursor.execute(
        f"SELECT c.oid, grantee = relowner, {_EXPLODED.format(column='NULL::text')} "
        "FROM pg_class c, aclexplode(relacl) WHERE c.oid = ANY(%(oids)s) "
        f"UNION ALL SELECT c.oid, grantee = relowner, {_EXPLODED.format(column='attname')} "
        "FROM pg_class c JOIN pg_attribute ON attrelid = c.oid, aclexplode(attacl) "
        "WHERE c.oid = ANY(%(oids)s) AND NOT attisdropped ORDER BY 1, 3, 5",
        {"oids": oids},
    ).fetchall()
    others: dict[int, list[Grant]] = {}
    owners: dict[int, list[Grant]] = {}
    for oid, is_owners, *grant in rows:
        (owners if is_owners else others).setdefault(oid, []).append(Grant(*grant))
    whole = cursor.execute(
        "SELECT oid, pg_get_userbyid(relowner), relacl IS NULL OR "
        "(SELECT count(*) FROM aclexplode(relacl) WHERE grantee = relowner) = "
        "(SELECT count(*) FROM aclexplode(acldefault('r', relowner))) "
        "FROM pg_class WHERE oid = ANY(%s)",
        (oids,),
    ).fetchall()
    return {
        oid: Privileges(
            owner, tuple(others.get(oid, ())), None if all_ else tuple(owners.get(oid, ()))
        )
        for oid, owner, all_ in whole
    }


def restore_privileges(
    cursor: Cursor, relation: sql.Identifier, oid: int, wanted: Privileges
) -> None:
    """Give a new table or view this owner and these privileges, and no others.

    A privilege that a third role had passed on comes from the owner now. What a default privilege
    gave to the new relation goes, for it may have been taken from the old one.
    """
    hand_over(cursor, relation, oid, wanted.owner)
    present = privileges_of(cursor, [oid])[oid]
    for grantee in {grant.grantee for grant in present.grants}:
        _revoke(cursor, relation, grantee)
    _give(cursor, relation, wanted.grants)
    if wanted.owners is not None:
        _revoke(cursor, relation, wanted.owner)
        _give(cursor, relation, wanted.owners)


def make_owner(cursor: Cursor, relation: sql.Identifier, owner: str) -> None:
    """Say whose a table or view is, though it be his already."""
    words = sql.SQL("ALTER TABLE {} OWNER TO {}")
    cursor.execute(words.format(relation, sql.Identifier(owner)))


def hand_over(cursor: Cursor, relation: sql.Identifier, oid: int, owner: str) -> None:
    """Make a new table or view another role's, unless it is."""
    if privileges_of(cursor, [oid])[oid].owner != owner:
        make_owner(cursor, relation, owner)


def close_schema(cursor: Cursor, schema: str) -> None:
    """Let nobody but its owner into a new schema, whatever default privileges say."""
    rows = cursor.execute(
        "SELECT DISTINCT CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END "
        "FROM pg_namespace, aclexplode(nspacl) WHERE nspname = %s AND grantee <> nspowner",
        (schema,),
    ).fetchall()
    for (grantee,) in rows:
        words = sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}")
        cursor.execute(words.format(sql.Identifier(schema), _role(grantee)))


def close_identities(cursor: Cursor, tables: Iterable[int]) -> None:
    """Take off the sequences of identity columns what default privileges gave on them.

    Those of the tables before had none, for they could not have been made again.
    """
    rows = cursor.execute(
        "SELECT DISTINCT nspname, s.relname, "
        "CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END "
        "FROM pg_depend JOIN pg_class s ON s.oid = objid AND relkind = 'S' "
        "JOIN pg_namespace n ON n.oid = relnamespace, aclexplode(relacl) "
        "WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass "
        "AND refobjid = ANY(%s) AND deptype = 'i' AND grantee <> relowner",
        (list(tables),),
    ).fetchall()
    for schema, name, grantee in rows:
        words = sql.SQL("REVOKE ALL ON SEQUENCE {} FROM {}")
        cursor.execute(words.format(sql.Identifier(schema, name), _role(grantee)))


def grant_defaults(cursor: Cursor, relation: sql.Identifier, schema: str) -> None:
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
    _give(cursor, relation, [Grant(*row) for row in rows])


def _give(cursor: Cursor, relation: sql.Identifier, grants: Sequence[Grant]) -> None:
    for grant in grants:
        column = sql.SQL(" ({})").format(sql.Identifier(grant.column)) if grant.column else None
        cursor.execute(
            sql.SQL("GRANT {}{} ON {} TO {}{}").format(
                sql.SQL(grant.privilege),
                column or sql.SQL(""),
                relation,
                _role(grant.grantee),
                sql.SQL(" WITH GRANT OPTION" if grant.grantable else ""),
            )
        )


def _revoke(cursor: Cursor, relation: sql.Identifier, grantee: str | None) -> None:
    cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(relation, _role(grantee)))


def _role(grantee: str | None) -> sql.Composable:
    return sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)
