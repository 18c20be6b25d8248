"""What users built on published tables: columns, constraints, indexes, statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rowmill.destinations.postgres.additions.model import Build, Kind, Statement
from rowmill.destinations.postgres.additions.own_keys import Key
from rowmill.destinations.postgres.additions.settings import TABLES
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.tables.key_names import is_not_nulls

_NOT_NULL_IS_A_CONSTRAINT = 180000

# Each gives the kind, the table, the thing's name, what it is called, and its statements; these
# are null of what cannot be said of another table.
_COLUMNS = """
SELECT 'column', name, attname::text, 'the generated column ' || said || '.' || col,
       jsonb_build_array(ARRAY['ALTER TABLE ', name, ' ADD COLUMN ' || col || ' '
           || format_type(atttypid, atttypmod)
           || CASE WHEN attcollation <> typcollation
                   THEN (SELECT ' COLLATE ' || quote_ident(nspname) || '.' || quote_ident(collname)
                         FROM pg_collation c JOIN pg_namespace n ON n.oid = collnamespace
                         WHERE c.oid = attcollation) ELSE '' END
           || ' GENERATED ALWAYS AS (' || pg_get_expr(adbin, adrelid) || ') '
           || CASE attgenerated WHEN 'v' THEN 'VIRTUAL' ELSE 'STORED' END])
FROM a JOIN pg_type y ON y.oid = atttypid JOIN pg_attrdef d ON (adrelid, adnum) = (attrelid, attnum)
WHERE attgenerated <> '' ORDER BY name, attnum
"""
_TABLESPACES = """
SELECT 'tablespace', name, spcname::text, 'the tablespace of ' || said,
       jsonb_build_array(ARRAY['ALTER TABLE ', name, ' SET TABLESPACE ' || quote_ident(spcname)])
FROM t JOIN pg_tablespace s ON s.oid = reltablespace
"""
_NOT_NULL = """
SELECT 'not null', name, attname::text, 'NOT NULL of ' || said || '.' || col,
       jsonb_build_array(ARRAY['ALTER TABLE ', name, ' ALTER COLUMN ' || col || ' SET NOT NULL'])
FROM a WHERE attnotnull AND NOT EXISTS (
    SELECT FROM pg_constraint WHERE conrelid = attrelid AND contype = 'p' AND attnum = ANY(conkey))
"""
_NOT_NULL_CONSTRAINTS = """
SELECT 'not null', name, attname::text, 'NOT NULL of ' || said || '.' || col,
       jsonb_build_array(ARRAY['ALTER TABLE ', name,
           ' ADD CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(k.oid)])
FROM a JOIN pg_constraint k ON conrelid = attrelid AND conkey[1] = attnum AND contype = 'n'
WHERE NOT EXISTS (
    SELECT FROM pg_constraint p WHERE p.conrelid = attrelid AND p.contype = 'p'
    AND attnum = ANY(p.conkey))
"""
_CHECKS = """
SELECT 'check', name, conname::text, 'CHECK ' || quote_ident(conname) || ' on ' || said,
       jsonb_build_array(ARRAY['ALTER TABLE ', name,
           ' ADD CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(k.oid)])
FROM t JOIN pg_constraint k ON conrelid = t.oid WHERE contype = 'c'
"""
_INDEX_TABLESPACES = """
SELECT name, i.relname::text, spcname::text, quote_ident(spcname),
       'the tablespace of index ' || quote_ident(i.relname) || ' on ' || said
FROM t JOIN pg_index x ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid
JOIN pg_tablespace s ON s.oid = i.reltablespace
"""
# Staged under a name of our own, for two may have one name in two schemas.
_STATISTICS = """
SELECT 'statistics', name, staged, 'statistics ' || quote_ident(stxname) || ' on ' || said,
       CASE WHEN starts_with(def, head) AND right(def, length(foot)) = foot THEN
           jsonb_build_array(ARRAY['CREATE STATISTICS ', staged,
               substr(def, length(head) + 1, length(def) - length(head) - length(foot)) || ' FROM ',
               name, ''])
           || CASE WHEN stxstattarget >= 0 THEN jsonb_build_array(ARRAY['ALTER STATISTICS ',
               staged, ' SET STATISTICS ' || stxstattarget]) ELSE '[]' END END,
       CASE WHEN n.nspname = t.nspname THEN '' ELSE n.nspname END, stxname::text
FROM t JOIN pg_statistic_ext s ON stxrelid = t.oid JOIN pg_namespace n ON n.oid = stxnamespace,
LATERAL (SELECT pg_get_statisticsobjdef(s.oid), ' FROM ' || said,
    'CREATE STATISTICS ' || quote_ident(n.nspname) || '.' || quote_ident(stxname),
    'rowmill_' || md5(n.nspname || '.' || stxname)) AS q (def, foot, head, staged)
"""
# Keys, references and indexes besides with what tells a run's own from the users': their kind as
# of a step, columns, parent, its columns, and whether they are no more than that.
_CONSTRAINTS = """
SELECT CASE contype WHEN 'f' THEN 'reference' ELSE 'key' END, t.name, conname::text,
       CASE contype WHEN 'p' THEN 'primary key ' WHEN 'u' THEN 'unique key '
            WHEN 'x' THEN 'EXCLUDE ' ELSE 'foreign key ' END
       || quote_ident(conname) || ' on ' || t.said,
       CASE WHEN contype = 'f' AND parent.oid IS NULL AND convalidated THEN
           jsonb_build_array(ARRAY['ALTER TABLE ', t.name, adding || def || ' NOT VALID'],
                             ARRAY['ALTER TABLE ', t.name,
                                   ' VALIDATE CONSTRAINT ' || quote_ident(conname)])
       WHEN contype <> 'f' OR parent.oid IS NULL THEN
           jsonb_build_array(ARRAY['ALTER TABLE ', t.name, adding || def])
       WHEN starts_with(def, head || parent.said) THEN
           jsonb_build_array(ARRAY['ALTER TABLE ', t.name, adding || head, parent.name,
                                   substr(def, length(head || parent.said) + 1)]) END,
       contype::text, names.own, coalesce(parent.name, ''), names.parents,
       contype <> 'f' AND def = CASE contype WHEN 'p' THEN 'PRIMARY KEY (' ELSE 'UNIQUE (' END
           || names.said || ')'
       OR contype = 'f' AND def = head || parent.said || '(' || names.parents_said || ')',
       contype = 'f' AND parent.oid IS NULL
FROM t JOIN pg_constraint k ON conrelid = t.oid LEFT JOIN t parent ON parent.oid = confrelid,
LATERAL (SELECT
    ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS o (num, place)
          JOIN pg_attribute ON (attrelid, attnum) = (conrelid, num) ORDER BY place),
    ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS o (num, place)
          JOIN pg_attribute ON (attrelid, attnum) = (confrelid, num) ORDER BY place),
    (SELECT string_agg(quote_ident(attname), ', ' ORDER BY place)
     FROM unnest(conkey) WITH ORDINALITY AS o (num, place)
     JOIN pg_attribute ON (attrelid, attnum) = (conrelid, num)),
    (SELECT string_agg(quote_ident(attname), ', ' ORDER BY place)
     FROM unnest(confkey) WITH ORDINALITY AS o (num, place)
     JOIN pg_attribute ON (attrelid, attnum) = (confrelid, num))
) AS names (own, parents, said, parents_said),
LATERAL (SELECT pg_get_constraintdef(k.oid), 'FOREIGN KEY (' || names.said || ') REFERENCES ',
         ' ADD CONSTRAINT ' || quote_ident(conname) || ' ') AS q (def, head, adding)
WHERE contype IN ('p', 'u', 'x', 'f') ORDER BY t.name, conname
"""
_INDEXES = """
SELECT 'index', name, i.relname::text, 'index ' || quote_ident(i.relname) || ' on ' || said,
       CASE WHEN starts_with(def, head || said || ' USING ') THEN
           jsonb_build_array(ARRAY[head, name, substr(def, length(head || said) + 1)])
           || coalesce((SELECT jsonb_agg(ARRAY['ALTER INDEX ', i.relname::text, ' ALTER COLUMN '
                  || attnum || ' SET STATISTICS ' || attstattarget] ORDER BY attnum)
              FROM pg_attribute WHERE attrelid = i.oid AND attstattarget >= 0), '[]') END,
       'i', ARRAY(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS o (num, place)
                  LEFT JOIN pg_attribute ON (attrelid, attnum) = (indrelid, num) ORDER BY place),
       '', ARRAY[]::text[],
       NOT indisunique AND indpred IS NULL AND indexprs IS NULL AND indnkeyatts = indnatts
           AND amname = 'btree' AND 0 = ALL(indoption::int2[])
           AND NOT EXISTS (SELECT FROM unnest(indclass) AS o JOIN pg_opclass p ON p.oid = o
                           WHERE NOT opcdefault)
           AND NOT EXISTS (SELECT FROM pg_attribute own JOIN unnest(indkey) WITH ORDINALITY
                           AS o (num, place) ON own.attnum = place
                           JOIN pg_attribute col ON (col.attrelid, col.attnum) = (indrelid, num)
                           WHERE own.attrelid = i.oid AND own.attcollation <> col.attcollation),
       false
FROM t JOIN pg_index x ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid
JOIN pg_am m ON m.oid = i.relam,
LATERAL (SELECT pg_get_indexdef(i.oid), 'CREATE ' || CASE WHEN indisunique THEN 'UNIQUE ' ELSE ''
         END || 'INDEX ' || quote_ident(i.relname) || ' ON ') AS q (def, head)
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
ORDER BY name, i.relname
"""


@dataclass(frozen=True)
class IndexPlace:
    """The tablespace of an index, be it a run's or a user's."""

    table: str
    index: str
    tablespace: str
    quoted: str
    label: str

    def of(self, index: str) -> Build:
        """What moves the index of that name there."""
        move = Statement(("ALTER INDEX ", index, f" SET TABLESPACE {self.quoted}"))
        name = f"{index} in {self.tablespace}"
        return Build(Kind.INDEX_TABLESPACE, self.table, name, self.label, (move,))


def read_builds(cursor: Cursor, oids: Sequence[int]) -> list[Build]:
    """Generated columns, NOT NULLs, CHECKs, statistics and tablespaces of tables (OIDs).

    Whether a column or a NOT NULL is a run's own is for the caller to know.
    """
    constraints = cursor.connection.info.server_version >= _NOT_NULL_IS_A_CONSTRAINT
    not_null = _NOT_NULL_CONSTRAINTS if constraints else _NOT_NULL
    queries = (_COLUMNS, _TABLESPACES, not_null, _CHECKS)
    found = [
        _build(*row)
        for query in queries
        for row in cursor.execute(TABLES + query, {"oids": oids}).fetchall()
    ]
    for *row, schema, name in cursor.execute(TABLES + _STATISTICS, {"oids": oids}).fetchall():
        found.append(replace(_build(*row), home=(schema, name)))
    return found


def read_renamed_not_nulls(cursor: Cursor, oids: Sequence[int]) -> list[tuple[str, str, str]]:
    """Table, column and label of NOT NULLs with a name that Postgres does not give them.

    Before version 18 they have none.
    """
    if cursor.connection.info.server_version < _NOT_NULL_IS_A_CONSTRAINT:
        return []
    query = (
        "SELECT conname::text, name, attname::text, 'NOT NULL ' || quote_ident(conname) || ' of ' "
        "|| said || '.' || col "
        "FROM a JOIN pg_constraint ON conrelid = attrelid AND conkey[1] = attnum "
        "WHERE contype = 'n'"
    )
    rows = cursor.execute(TABLES + query, {"oids": oids}).fetchall()
    return [
        (table, column, label)
        for given, table, column, label in rows
        if not is_not_nulls(given, table, column)
    ]


def read_keys(cursor: Cursor, oids: Sequence[int]) -> list[Key]:
    """Keys, references and indexes of tables (OIDs), a run's own among them."""
    found = []
    for query in (_CONSTRAINTS, _INDEXES):
        for row in cursor.execute(TABLES + query, {"oids": oids}).fetchall():
            kind, columns, parent, parent_columns, plain, outside = row[5:]
            build = _build(*row[:5], outside=outside)
            found.append(Key(build, kind, tuple(columns), parent, tuple(parent_columns), plain))
    return found


def read_references_to(cursor: Cursor, oids: Sequence[int]) -> set[tuple[str, str]]:
    """Table and name of every foreign key that refers to one of the tables (OIDs)."""
    if not oids:
        return set()
    rows = cursor.execute(
        "SELECT relname::text, conname::text FROM pg_constraint "
        "JOIN pg_class c ON c.oid = conrelid WHERE contype = 'f' AND confrelid = ANY(%s)",
        (list(oids),),
    ).fetchall()
    return {(table, name) for table, name in rows}


def read_index_places(cursor: Cursor, oids: Sequence[int]) -> list[IndexPlace]:
    """The indexes of tables (OIDs) that are not in the database's own tablespace."""
    rows = cursor.execute(TABLES + _INDEX_TABLESPACES, {"oids": oids}).fetchall()
    return [IndexPlace(*row) for row in rows]


def _build(
    kind: str,
    table: str,
    name: str,
    label: str,
    statements: list[list[str]] | None,
    *,
    outside: bool = False,
) -> Build:
    said = tuple(Statement(tuple(pieces)) for pieces in statements or ())
    return Build(Kind(kind), table, name, label, said, outside)
