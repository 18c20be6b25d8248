"""What users put on published tables that needs no look at the rows: said again in the publish."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.destinations.postgres.additions.identities import read_identities
from rowmill.destinations.postgres.additions.model import Attachment, Statement, When
from rowmill.destinations.postgres.additions.settings import ASSIGNED, TABLES
from rowmill.destinations.postgres.connection import Cursor

_LISTS_AND_FILTERS = 150000

# Each gives the table, what it is called, the pieces of a statement, when that runs, and the
# column, key or index that bears it (or none).
_SEQUENCES = """
SELECT name, 'sequence ' || quote_ident(s.relname) || ' of ' || said || '.' || col, pieces, stage,
       attname::text
FROM a JOIN pg_depend d ON refclassid = 'pg_class'::regclass AND refobjid = attrelid
    AND refobjsubid = attnum AND classid = 'pg_class'::regclass AND deptype = 'a'
JOIN pg_class s ON s.oid = objid AND s.relkind = 'S',
LATERAL (VALUES
    (ARRAY['ALTER SEQUENCE IF EXISTS ', s.relname::text, ' OWNED BY NONE'], 'before'),
    (ARRAY['ALTER TABLE ', name, ' ALTER COLUMN ' || col || ' SET STATISTICS -1'], 'trial'),
    (ARRAY['ALTER SEQUENCE ', s.relname::text, ' OWNED BY ', name, '.' || col], 'publish')
) AS v (pieces, stage)
"""
_DEFAULTS = """
SELECT name, 'the default of ' || said || '.' || col, ARRAY['ALTER TABLE ', name,
       ' ALTER COLUMN ' || col || ' SET DEFAULT ' || pg_get_expr(adbin, adrelid)],
       'both', attname::text
FROM a JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum) WHERE attgenerated = ''
"""
_INDEX_OPTIONS = f"""
SELECT name, 'the options of index ' || quote_ident(i.relname) || ' on ' || said,
       ARRAY['ALTER INDEX ', i.relname::text, ' SET (' || string_agg(
           {ASSIGNED}, ', ' ORDER BY place) || ')'],
       'both', i.relname::text
FROM t JOIN pg_index ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid,
unnest(i.reloptions) WITH ORDINALITY AS u (o, place) GROUP BY name, said, i.relname
"""
_CLUSTER = """
SELECT name, 'CLUSTER ON ' || quote_ident(i.relname) || ' of ' || said,
       ARRAY['ALTER TABLE ', name, ' CLUSTER ON ' || quote_ident(i.relname)],
       'both', i.relname::text
FROM t JOIN pg_index ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid WHERE indisclustered
"""
_REPLICA_IDENTITY = """
SELECT name, 'the replica identity of ' || said, ARRAY['ALTER TABLE ', name, ' REPLICA IDENTITY '
       || CASE relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
          ELSE coalesce((SELECT 'USING INDEX ' || quote_ident(i.relname) FROM pg_index
               JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = t.oid AND indisreplident),
               'NOTHING') END], 'both', ''
FROM t WHERE relreplident IN ('f', 'n', 'i')
"""
_RULES = """
SELECT name, 'rule ' || quote_ident(rulename) || ' on ' || said, pieces, stage, ''
FROM t JOIN pg_rewrite r ON ev_class = t.oid,
LATERAL (VALUES
    (1, ARRAY['DROP RULE IF EXISTS ' || quote_ident(rulename) || ' ON ', name], 'before'),
    (2, ARRAY[pg_get_ruledef(r.oid)], 'publish'),
    (3, CASE WHEN ev_enabled <> 'O' THEN ARRAY['ALTER TABLE ', name, CASE ev_enabled
        WHEN 'D' THEN ' DISABLE RULE ' WHEN 'R' THEN ' ENABLE REPLICA RULE '
        ELSE ' ENABLE ALWAYS RULE ' END || quote_ident(rulename)] END, 'publish')
) AS v (place, pieces, stage) WHERE pieces IS NOT NULL ORDER BY name, rulename, place
"""
_TRIGGERS = """
SELECT name, 'trigger ' || quote_ident(tgname) || ' on ' || said, pieces, 'both', ''
FROM t JOIN pg_trigger g ON tgrelid = t.oid AND NOT tgisinternal,
LATERAL (SELECT pg_get_triggerdef(g.oid), 'CREATE ' || CASE WHEN tgconstraint <> 0
    THEN 'CONSTRAINT ' ELSE '' END || 'TRIGGER ' || quote_ident(tgname) || ' ') AS q (def, head),
LATERAL (SELECT substr(def, length(head) + 1), ' ON ' || said || ' ') AS p (rest, mark),
LATERAL (VALUES
    (1, ARRAY[head || left(rest, strpos(rest, mark) - 1) || ' ON ', name,
              substr(rest, strpos(rest, mark) + length(mark) - 1)]),
    (2, CASE WHEN tgenabled <> 'O' THEN ARRAY['ALTER TABLE ', name, CASE tgenabled
        WHEN 'D' THEN ' DISABLE TRIGGER ' WHEN 'R' THEN ' ENABLE REPLICA TRIGGER '
        ELSE ' ENABLE ALWAYS TRIGGER ' END || quote_ident(tgname)] END)
) AS v (place, pieces) WHERE pieces IS NOT NULL ORDER BY name, tgname, place
"""
_POLICIES = """
SELECT name, 'policy ' || quote_ident(polname) || ' on ' || said, pieces, stage, ''
FROM t JOIN pg_policy p ON polrelid = t.oid,
LATERAL (VALUES
    (ARRAY['DROP POLICY IF EXISTS ' || quote_ident(polname) || ' ON ', name], 'before'),
    (ARRAY['CREATE POLICY ' || quote_ident(polname) || ' ON ', name,
        CASE WHEN polpermissive THEN '' ELSE ' AS RESTRICTIVE' END
        || CASE polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT'
           WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' ELSE '' END
        || ' TO ' || (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC'
               ELSE quote_ident(pg_get_userbyid(r)) END, ', ') FROM unnest(polroles) AS r)
        || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
        || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')], 'both')
) AS v (pieces, stage)
"""
_ROW_SECURITY = """
SELECT name, 'row security of ' || said, ARRAY['ALTER TABLE ', name, wanted], 'both', ''
FROM t, LATERAL (VALUES (relrowsecurity, ' ENABLE ROW LEVEL SECURITY'),
                        (relforcerowsecurity, ' FORCE ROW LEVEL SECURITY')) AS v (is_on, wanted)
WHERE is_on
"""
_PUBLICATIONS = """
SELECT name, 'publication ' || quote_ident(pubname) || ' of ' || said,
       ARRAY['ALTER PUBLICATION ' || quote_ident(pubname) || ' ADD TABLE ', name, {tail}],
       'both', ''
FROM t JOIN pg_publication_rel r ON prrelid = t.oid JOIN pg_publication p ON p.oid = prpubid
"""
_COLUMNS_AND_FILTER = """
    coalesce(' (' || (SELECT string_agg(quote_ident(attname), ', ' ORDER BY place)
        FROM unnest(prattrs::int2[]) WITH ORDINALITY AS o (num, place)
        JOIN pg_attribute ON (attrelid, attnum) = (prrelid, num)) || ')', '')
    || coalesce(' WHERE (' || pg_get_expr(prqual, prrelid) || ')', '')
"""
_COMMENTS = """
SELECT name, 'the comment on ' || what || ' of ' || said,
       pieces || (tail || ' IS ' || quote_literal(description)), 'publish', bearer
FROM (
    SELECT name, said, 'column ' || col, ARRAY['COMMENT ON COLUMN ', name], '.' || col,
           attname::text, 'pg_class', attrelid, attnum::int FROM a
    UNION ALL SELECT name, said, 'constraint ' || quote_ident(conname),
           ARRAY['COMMENT ON CONSTRAINT ' || quote_ident(conname) || ' ON ', name], '',
           conname::text, 'pg_constraint', k.oid, 0
    FROM t JOIN pg_constraint k ON conrelid = t.oid
    UNION ALL SELECT name, said, 'index ' || quote_ident(i.relname),
           ARRAY['COMMENT ON INDEX ', i.relname::text], '', i.relname::text, 'pg_class', i.oid, 0
    FROM t JOIN pg_index ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid
    UNION ALL SELECT name, said, 'trigger ' || quote_ident(tgname),
           ARRAY['COMMENT ON TRIGGER ' || quote_ident(tgname) || ' ON ', name], '', '',
           'pg_trigger', g.oid, 0 FROM t JOIN pg_trigger g ON tgrelid = t.oid
    UNION ALL SELECT name, said, 'policy ' || quote_ident(polname),
           ARRAY['COMMENT ON POLICY ' || quote_ident(polname) || ' ON ', name], '', '',
           'pg_policy', p.oid, 0 FROM t JOIN pg_policy p ON polrelid = t.oid
    UNION ALL SELECT name, said, 'rule ' || quote_ident(rulename),
           ARRAY['COMMENT ON RULE ' || quote_ident(rulename) || ' ON ', name], '', '',
           'pg_rewrite', r.oid, 0 FROM t JOIN pg_rewrite r ON ev_class = t.oid
) AS o (name, said, what, pieces, tail, bearer, class, object, part)
JOIN pg_description ON (classoid, objoid, objsubid) = (class::regclass, object, part)
"""
# They are in a schema of their own, which need not be that of the table.
_STATISTICS = """
SELECT name, 'the ' || what || ' of statistics ' || quote_ident(stxname) || ' on ' || said,
       CASE WHEN n.nspname = t.nspname THEN ARRAY[head, stxname::text, tail]
       ELSE ARRAY[head || quote_ident(n.nspname) || '.' || quote_ident(stxname) || tail] END,
       'publish', ''
FROM t JOIN pg_statistic_ext s ON stxrelid = t.oid JOIN pg_namespace n ON n.oid = stxnamespace,
LATERAL (VALUES
    ('comment', 'COMMENT ON STATISTICS ',
     ' IS ' || quote_literal(obj_description(s.oid, 'pg_statistic_ext'))),
    ('owner', 'ALTER STATISTICS ', CASE WHEN stxowner <> relowner
     THEN ' OWNER TO ' || quote_ident(pg_get_userbyid(stxowner)) END)
) AS v (what, head, tail) WHERE tail IS NOT NULL ORDER BY name, stxname, what
"""
_ALL = (
    _SEQUENCES,
    _DEFAULTS,
    _INDEX_OPTIONS,
    _CLUSTER,
    _REPLICA_IDENTITY,
    _RULES,
    _TRIGGERS,
    _PUBLICATIONS,
    _POLICIES,
    _ROW_SECURITY,
    _COMMENTS,
    _STATISTICS,
)
# Of a table that is nobody's, and goes by leave of `ifExists: replace`: who may see and get what.
_OF_STRANGERS = (_PUBLICATIONS, _POLICIES, _ROW_SECURITY)


def read_attachments(cursor: Cursor, oids: Sequence[int]) -> list[Attachment]:
    """All of tables (OIDs), in the order in which their statements run."""
    return [*read_identities(cursor, oids), *_read(cursor, _ALL, oids)]


def read_restrictions(cursor: Cursor, oids: Sequence[int]) -> list[Attachment]:
    """Row security, policies and publications of tables (OIDs)."""
    return _read(cursor, _OF_STRANGERS, oids)


def _read(cursor: Cursor, queries: Sequence[str], oids: Sequence[int]) -> list[Attachment]:
    if not oids:
        return []
    lists = cursor.connection.info.server_version >= _LISTS_AND_FILTERS
    tail = _COLUMNS_AND_FILTER if lists else "''"
    found = []
    for query in queries:
        text = TABLES + query.replace("{tail}", tail)
        rows = cursor.execute(text, {"oids": oids}).fetchall()
        for table, label, pieces, when, bearer in rows:
            said = () if pieces is None or None in pieces else tuple(pieces)
            found.append(Attachment(table, label, Statement(said), When(when), bearer))
    return found
