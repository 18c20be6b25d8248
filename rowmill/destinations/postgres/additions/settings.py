"""Options of tables and columns that users set: put on before the load, so that it heeds them."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.destinations.postgres.additions.model import Attachment, Statement, When
from rowmill.destinations.postgres.connection import Cursor

# The outgoing tables `t` and their columns `a`, by name and as the server says them.
TABLES = """
WITH t AS (
    SELECT c.oid, relname::text AS name, nspname, relowner, reltype, reloftype, relam,
           reltablespace, reltoastrelid, c.reloptions, relpersistence, relispartition,
           relreplident, relrowsecurity, relforcerowsecurity,
           quote_ident(nspname) || '.' || quote_ident(relname) AS said
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = ANY(%(oids)s)
), a AS (
    SELECT t.name, said, a.*, quote_ident(attname) AS col
    FROM t JOIN pg_attribute a ON attrelid = t.oid AND attnum > 0 AND NOT attisdropped
)
"""
# An option `o` as a SET has it: catalogues keep name=value.
ASSIGNED = (
    "quote_ident(split_part(o, '=', 1)) || ' = ' || quote_literal(substr(o, strpos(o, '=') + 1))"
)
_STORAGE_WORD = (
    "CASE {} WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' "
    "ELSE 'EXTENDED' END"
)
# Each gives the table, what it is, the pieces of a statement, the column that bears it (or none),
# and whether that is there only once it is built.
_TABLE_OPTIONS = f"""
SELECT name, what || said, ARRAY['ALTER TABLE ', name, ' SET (' || string_agg(
           prefix || {ASSIGNED}, ', ' ORDER BY place) || ')'], '', false
FROM t LEFT JOIN pg_class x ON x.oid = t.reltoastrelid,
LATERAL (VALUES ('the options of ', '', t.reloptions),
                ('the TOAST options of ', 'toast.', x.reloptions)) AS v (what, prefix, options),
unnest(options) WITH ORDINALITY AS u (o, place) GROUP BY name, said, what, prefix
"""
_STORAGE = f"""
SELECT name, 'the storage of ' || said || '.' || col, ARRAY['ALTER TABLE ', name,
       ' ALTER COLUMN ' || col || ' SET STORAGE ' || {_STORAGE_WORD.format("attstorage")}],
       attname::text, attgenerated <> ''
FROM a JOIN pg_type y ON y.oid = atttypid WHERE attstorage <> typstorage
"""
# The field is not there before version 14.
_COMPRESSION = """
SELECT name, 'the compression of ' || said || '.' || col, ARRAY['ALTER TABLE ', name,
       ' ALTER COLUMN ' || col || ' SET COMPRESSION ' || CASE method WHEN 'l' THEN 'lz4'
       ELSE 'pglz' END], attname::text, attgenerated <> ''
FROM a, LATERAL (SELECT to_jsonb(a) ->> 'attcompression') AS m (method) WHERE method <> ''
"""
_STATISTICS_TARGETS = """
SELECT name, 'the statistics target of ' || said || '.' || col, ARRAY['ALTER TABLE ', name,
       ' ALTER COLUMN ' || col || ' SET STATISTICS ' || attstattarget],
       attname::text, attgenerated <> ''
FROM a WHERE attstattarget >= 0
"""
_COLUMN_OPTIONS = f"""
SELECT name, 'the options of ' || said || '.' || col, ARRAY['ALTER TABLE ', name,
       ' ALTER COLUMN ' || col || ' SET (' || string_agg(
           {ASSIGNED}, ', ' ORDER BY place) || ')'],
       attname::text, attgenerated <> ''
FROM a, unnest(attoptions) WITH ORDINALITY AS u (o, place)
GROUP BY name, said, col, attname, attgenerated
"""
_ALL = (_TABLE_OPTIONS, _STORAGE, _COMPRESSION, _STATISTICS_TARGETS, _COLUMN_OPTIONS)


def read_settings(cursor: Cursor, oids: Sequence[int]) -> list[Attachment]:
    """The options of tables (OIDs); those of generated columns are for the publish alone."""
    if not oids:
        return []
    found = []
    for query in _ALL:
        rows = cursor.execute(TABLES + query, {"oids": oids}).fetchall()
        for table, label, pieces, bearer, late in rows:
            when = When.PUBLISH if late else When.BOTH
            found.append(Attachment(table, label, Statement(tuple(pieces)), when, bearer))
    return found


_RESETS = (
    """
    SELECT ARRAY['ALTER TABLE ', name, ' RESET (' || string_agg(
        prefix || quote_ident(split_part(o, '=', 1)), ', ') || ')']
    FROM t LEFT JOIN pg_class x ON x.oid = t.reltoastrelid,
    LATERAL (VALUES ('', t.reloptions), ('toast.', x.reloptions)) AS v (prefix, options),
    unnest(options) AS o GROUP BY name, prefix
    """,
    f"""
    SELECT ARRAY['ALTER TABLE ', name, ' ALTER COLUMN ' || col || ' SET STORAGE '
        || {_STORAGE_WORD.format("typstorage")}]
    FROM a JOIN pg_type y ON y.oid = atttypid WHERE attstorage <> typstorage
    """,
    """
    SELECT ARRAY['ALTER TABLE ', name, ' ALTER COLUMN ' || col || ' SET COMPRESSION default']
    FROM a WHERE to_jsonb(a) ->> 'attcompression' <> ''
    """,
    """
    SELECT ARRAY['ALTER TABLE ', name, ' ALTER COLUMN ' || col || ' SET STATISTICS -1']
    FROM a WHERE attstattarget >= 0
    """,
    """
    SELECT ARRAY['ALTER TABLE ', name, ' ALTER COLUMN ' || col || ' RESET (' || string_agg(
        quote_ident(split_part(o, '=', 1)), ', ') || ')']
    FROM a, unnest(attoptions) AS o GROUP BY name, col
    """,
)


def read_resets(cursor: Cursor, oids: Sequence[int]) -> list[Statement]:
    """What takes all options off tables (OIDs)."""
    return [
        Statement(tuple(pieces))
        for query in _RESETS
        for (pieces,) in cursor.execute(TABLES + query, {"oids": oids}).fetchall()
    ]
