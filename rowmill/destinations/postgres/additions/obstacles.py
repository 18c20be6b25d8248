"""What users put on published tables that cannot be made again: refused by name."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.destinations.postgres.additions.settings import TABLES
from rowmill.destinations.postgres.connection import Cursor

_SET_ROLE = 160000

# Each gives a description of every such thing.
_QUERIES = (
    # What a later Postgres may bring is refused until somebody has thought about it.
    """
    SELECT pg_describe_object(classid, objid, objsubid) || ' of ' || said
    FROM t JOIN pg_depend ON refclassid = 'pg_class'::regclass AND refobjid = t.oid
    LEFT JOIN pg_class o ON classid = 'pg_class'::regclass AND o.oid = objid
    WHERE deptype IN ('a', 'i', 'P', 'S') AND objid <> ALL(%(oids)s)
      AND coalesce(relkind::text, classid::regclass::text) NOT IN ('i', 'S', 't', 'pg_type',
          'pg_constraint', 'pg_attrdef', 'pg_trigger', 'pg_policy', 'pg_rewrite',
          'pg_statistic_ext', 'pg_publication_rel')
    """,
    """
    SELECT said || ' is ' || CASE WHEN relispartition THEN 'a partition of '
           ELSE 'a child of ' END || inhparent::regclass
    FROM t JOIN pg_inherits ON inhrelid = t.oid
    """,
    "SELECT said || ' is a table OF ' || reloftype::regtype FROM t WHERE reloftype <> 0",
    "SELECT said || ' is UNLOGGED, and runs load logged tables' FROM t WHERE relpersistence = 'u'",
    """
    SELECT said || ' has the access method ' || quote_ident(amname)
    FROM t JOIN pg_am m ON m.oid = t.relam
    WHERE amname <> current_setting('default_table_access_method')
    """,
    """
    SELECT said || ' is part of the extension ' || quote_ident(extname)
    FROM t JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = t.oid AND objsubid = 0
        AND deptype = 'e' JOIN pg_extension e ON e.oid = refobjid
    """,
    """
    SELECT 'the security label for ' || provider || ' on ' || t.said || coalesce('.' || col, '')
    FROM t JOIN pg_seclabel s ON classoid = 'pg_class'::regclass AND objoid = t.oid
    LEFT JOIN a ON attrelid = t.oid AND attnum = objsubid
    """,
    "SELECT said || ' is filled by a subscription' "
    "FROM t JOIN pg_subscription_rel ON srrelid = t.oid",
    "SELECT 'the privileges on the row type of ' || said "
    "FROM t JOIN pg_type y ON y.oid = reltype WHERE typacl IS NOT NULL",
    "SELECT 'the comment on the row type of ' || said "
    "FROM t JOIN pg_description ON (classoid, objoid) = ('pg_type'::regclass, reltype)",
    "SELECT pg_describe_object('pg_trigger'::regclass, g.oid, 0) || ', which is FROM ' || said "
    "FROM t JOIN pg_trigger g ON tgconstrrelid = t.oid "
    "WHERE NOT tgisinternal AND tgrelid <> ALL(%(oids)s)",
    "SELECT DISTINCT 'disabled checks of foreign keys of ' || said "
    "FROM t JOIN pg_trigger ON tgrelid = t.oid WHERE tgisinternal AND tgenabled <> 'O'",
    """
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' of ' || said
           || ' depends on the extension ' || quote_ident(extname)
    FROM t JOIN pg_depend o ON o.refclassid = 'pg_class'::regclass AND o.refobjid = t.oid
    JOIN pg_depend d ON (d.classid, d.objid) = (o.classid, o.objid) AND d.deptype = 'x'
    JOIN pg_extension e ON e.oid = d.refobjid
    """,
    """
    SELECT 'the privileges on sequence ' || quote_ident(s.relname) || ' of ' || said || '.' || col
    FROM a JOIN pg_depend d ON refclassid = 'pg_class'::regclass AND refobjid = attrelid
        AND refobjsubid = attnum AND classid = 'pg_class'::regclass AND deptype = 'i'
    JOIN pg_class s ON s.oid = objid AND s.relkind = 'S'
    WHERE EXISTS (SELECT FROM aclexplode(s.relacl) WHERE grantee <> s.relowner)
    """,
    # It would come to depend on the old table's row type.
    """
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ', which uses the row type'
    FROM t JOIN pg_type y ON y.oid = reltype OR y.typelem = reltype
    JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = y.oid
    WHERE classid IN ('pg_constraint'::regclass, 'pg_attrdef'::regclass) AND reltype <> 0
    """,
    """
    SELECT 'statistics ' || quote_ident(stxname) || ' on ' || said || ', for the role may not '
           || 'create in schema ' || quote_ident(n.nspname)
    FROM t JOIN pg_statistic_ext ON stxrelid = t.oid JOIN pg_namespace n ON n.oid = stxnamespace
    WHERE n.nspname <> t.nspname AND NOT has_schema_privilege(n.oid, 'CREATE')
    """,
    """
    SELECT 'foreign key ' || quote_ident(conname) || ' on ' || said || ', for the role may not '
           || 'refer to ' || confrelid::regclass
    FROM t JOIN pg_constraint k ON conrelid = t.oid WHERE contype = 'f'
      AND confrelid <> ALL(%(oids)s) AND NOT has_table_privilege(confrelid, 'REFERENCES')
      AND NOT has_any_column_privilege(confrelid, 'REFERENCES')
    """,
)
# A sequence is to be in its table's schema.
_SEQUENCES_ELSEWHERE = """
SELECT 'sequence ' || s.oid::regclass || ' of ' || said || '.' || col
       || ', for the table moves to another schema'
FROM a JOIN pg_depend d ON refclassid = 'pg_class'::regclass AND refobjid = attrelid
    AND refobjsubid = attnum AND classid = 'pg_class'::regclass AND deptype = 'a'
JOIN pg_class s ON s.oid = objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
WHERE n.nspname <> %(schema)s
"""
# Identity's sequences go with every table, those that a column owns with a table that goes.
_SEQUENCE_USERS = """
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ', which uses sequence '
       || s.oid::regclass
FROM pg_depend o JOIN pg_class s ON s.oid = o.objid AND s.relkind = 'S'
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid AND d.deptype = 'n'
LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
WHERE o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass
  AND (o.deptype = 'i' AND o.refobjid = ANY(%(oids)s)
       OR o.deptype = 'a' AND o.refobjid = ANY(%(leaving)s))
  AND coalesce(adrelid, 0) <> ALL(CASE o.deptype WHEN 'i' THEN ARRAY[o.refobjid]
                                  ELSE %(leaving)s::oid[] END)
"""
_OWNERS = """
SELECT said || ' belongs to the role ' || quote_ident(pg_get_userbyid(relowner)) || ', which '
       || CASE WHEN has_schema_privilege(relowner, s.oid, 'CREATE') THEN 'ours may not give it to'
          ELSE 'may not create in schema ' || quote_ident(s.nspname) END
FROM t, pg_namespace s WHERE s.nspname = %(schema)s
AND pg_get_userbyid(relowner) <> current_user
AND NOT (has_schema_privilege(relowner, s.oid, 'CREATE') AND pg_has_role(relowner, '{right}'))
"""


def read_obstacles(cursor: Cursor, oids: Sequence[int], schema: str) -> list[str]:
    """What cannot be made again of tables (OIDs), when they are replaced in `schema`."""
    found = [
        description
        for query in _QUERIES
        for (description,) in cursor.execute(TABLES + query, {"oids": oids}).fetchall()
    ]
    elsewhere = TABLES + _SEQUENCES_ELSEWHERE
    rows = cursor.execute(elsewhere, {"oids": oids, "schema": schema}).fetchall()
    found += [description for (description,) in rows]
    right = "SET" if cursor.connection.info.server_version >= _SET_ROLE else "MEMBER"
    owners = TABLES + _OWNERS.format(right=right)
    rows = cursor.execute(owners, {"oids": oids, "schema": schema}).fetchall()
    return [*found, *(description for (description,) in rows)]


def read_sequence_users(cursor: Cursor, tables: Sequence[int], leaving: Sequence[int]) -> list[str]:
    """What uses a sequence that goes with one of the tables (OIDs), of which some are `leaving`."""
    known = {"oids": tables, "leaving": leaving}
    rows = cursor.execute(_SEQUENCE_USERS, known).fetchall()
    return [description for (description,) in rows]
