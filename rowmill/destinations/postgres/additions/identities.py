"""Identity columns that users made: made again, and counting on where they stood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from psycopg import sql

from rowmill.destinations.postgres.additions.model import Attachment, Statement, When
from rowmill.destinations.postgres.additions.settings import TABLES
from rowmill.destinations.postgres.connection import Cursor

_IDENTITIES = """
SELECT name, 'the identity of ' || said || '.' || col, attname::text, s.relname::text,
       n.nspname::text, CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
       'START WITH ' || seqstart || ' INCREMENT BY ' || seqincrement || ' MINVALUE ' || seqmin
       || ' MAXVALUE ' || seqmax || ' CACHE ' || seqcache
       || CASE WHEN seqcycle THEN ' CYCLE' ELSE ' NO CYCLE' END,
       seqincrement, seqmin, seqmax, seqcycle,
       quote_literal(obj_description(s.oid, 'pg_class'))
FROM a JOIN pg_depend d ON refclassid = 'pg_class'::regclass AND refobjid = attrelid
    AND refobjsubid = attnum AND classid = 'pg_class'::regclass AND deptype = 'i'
JOIN pg_class s ON s.oid = objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_sequence ON seqrelid = s.oid
"""


class _Identity(NamedTuple):
    """A row of the query: `column` is unquoted, `options` are those of its sequence."""

    table: str
    label: str
    column: str
    sequence: str
    schema: str
    generated: str
    options: str
    step: int
    least: int
    most: int
    cycles: bool
    comment: str | None

    def after(self, value: int) -> int:
        """What the sequence gives next; at its end, where it gives nothing, that again."""
        following = value + self.step
        if self.least <= following <= self.most:
            return following
        if not self.cycles:
            return value
        return self.least if self.step > 0 else self.most


def read_identities(cursor: Cursor, oids: Sequence[int]) -> list[Attachment]:
    """The statements for all identity columns of tables (OIDs)."""
    rows = cursor.execute(TABLES + _IDENTITIES, {"oids": oids}).fetchall()
    found = [_Identity(*row) for row in rows]
    return [each for identity in found for each in _statements(identity, _next(cursor, identity))]


def _next(cursor: Cursor, identity: _Identity) -> int:
    query = sql.SQL("SELECT last_value, is_called FROM {}")
    sequence = sql.Identifier(identity.schema, identity.sequence)
    row = cursor.execute(query.format(sequence)).fetchone()
    if row is None:
        raise AssertionError("a sequence is one row")
    value, is_called = row
    return identity.after(value) if is_called else int(value)


def _statements(identity: _Identity, start: int) -> Iterator[Attachment]:
    name = sql.Identifier(identity.column).as_string()
    head = f" ALTER COLUMN {name} ADD GENERATED {identity.generated} AS IDENTITY ("
    table, sequence, tail = identity.table, identity.sequence, f"{identity.options})"
    for when, pieces in (
        # The name of the sequence is taken while the old table is there.
        (When.TRIAL, ("ALTER TABLE ", table, head + tail)),
        (When.PUBLISH, ("ALTER TABLE ", table, f"{head}SEQUENCE NAME ", sequence, f" {tail}")),
        (When.PUBLISH, ("ALTER SEQUENCE ", sequence, f" RESTART WITH {start}")),
        (When.PUBLISH, ("COMMENT ON SEQUENCE ", sequence, f" IS {identity.comment or 'NULL'}")),
    ):
        yield Attachment(table, identity.label, Statement(pieces), when, identity.column)
