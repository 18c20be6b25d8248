"""Who may use the ledger's tables in Postgres: the GRANTs that a role lacks, and those to copy."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from rowmill.destinations.postgres.connection import Cursor

_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"

# By the server, when it is run: an owner may run it long after it was written, and who may use
# `runs` then is who uses the ledger. The owner is of them, for another role may do the step.
_COPY = """DO $grant$
DECLARE given record;
BEGIN
    FOR given IN
        SELECT privilege_type AS may, is_grantable AS passes, grantee
        FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))
        WHERE pg_class.oid = {runs}::regclass
    LOOP
        EXECUTE format(
            'GRANT %s ON TABLE %s TO %s%s', given.may, {table},
            CASE given.grantee
                WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee))
            END,
            CASE WHEN given.passes THEN ' WITH GRANT OPTION' ELSE '' END
        );
    END LOOP;
END $grant$;"""


def copied_grants(schema: str, table: str) -> sql.Composed:
    """The statement that grants `table` to whoever may use `runs`, each with the same rights."""
    runs, new = (sql.Identifier(schema, name).as_string() for name in ("runs", table))
    return sql.SQL(_COPY).format(runs=sql.Literal(runs), table=sql.Literal(new))


def missing_grants(
    cursor: Cursor, schema: str, tables: Sequence[str], role: str | None = None
) -> list[str]:
    """The GRANTs, ready to be run by an administrator, that a role lacks for the ledger.

    Args:
        tables: those that it is to use, and to make where they are not there yet.
        role: None: the session's own.
    """
    row = cursor.execute(
        "SELECT quote_ident(role), quote_ident(current_database()), quote_ident(%(s)s), "
        "has_database_privilege(role, current_database(), 'CREATE'), "
        "(SELECT has_schema_privilege(role, oid, 'USAGE') "
        " FROM pg_namespace WHERE nspname = %(s)s), "
        "(SELECT has_schema_privilege(role, oid, 'CREATE') "
        " FROM pg_namespace WHERE nspname = %(s)s), "
        "(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        " WHERE nspname = %(s)s AND relkind = 'r' AND relname = ANY(%(t)s)), "
        "(SELECT bool_and(has_table_privilege(role, c.oid, 'SELECT') "
        "   AND has_table_privilege(role, c.oid, 'INSERT') "
        "   AND has_table_privilege(role, c.oid, 'UPDATE') "
        "   AND has_table_privilege(role, c.oid, 'DELETE')) "
        " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        " WHERE nspname = %(s)s AND relkind = 'r' AND relname = ANY(%(t)s)) "
        "FROM (SELECT coalesce(%(r)s::name, current_user) AS role) AS asked",
        {"s": schema, "t": list(tables), "r": role},
    ).fetchone()
    if row is None:
        raise AssertionError("a SELECT of one row gave none")
    name, database, quoted, may_create_schema, usage, create, there, rights = row
    if usage is None:
        return [] if may_create_schema else [f"GRANT CREATE ON DATABASE {database} TO {name};"]
    grants = []
    if not usage or (not create and there < len(tables)):
        wanted = "USAGE" if there == len(tables) else "USAGE, CREATE"
        grants.append(f"GRANT {wanted} ON SCHEMA {quoted} TO {name};")
    if rights is False:
        grants.append(f"GRANT {_RIGHTS} ON ALL TABLES IN SCHEMA {quoted} TO {name};")
    return grants
