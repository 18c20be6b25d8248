"""Try on empty tables what users' additions will be on the new ones, and undo it.

The server is asked, before hours of loading, what it will say at their end: a column that is gone
or of another type, a right that the role lacks, a name that is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from uuid import uuid4

import psycopg
from psycopg import errors, sql

from rowmill.destinations.postgres.additions.building import execute
from rowmill.destinations.postgres.additions.model import ORDER, Additions, Kind, When
from rowmill.destinations.postgres.additions.own_keys import Made
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.tables.constraints import Step, perform
from rowmill.destinations.postgres.tables.staging import create_table

# What another try would meet again.
LASTING = (
    psycopg.ProgrammingError,
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.NotSupportedError,
    errors.ObjectNotInPrerequisiteState,
    errors.ProgramLimitExceeded,
)


# Things whose text names an old table itself, which could then not be dropped.
_TIED = """
SELECT what || ', which names ' || refobjid::regclass
FROM pg_depend d JOIN (
    SELECT 'pg_constraint'::regclass, oid, connamespace, 'CHECK ' || quote_ident(conname)
    FROM pg_constraint WHERE contype = 'c'
    UNION ALL SELECT 'pg_class'::regclass, oid, relnamespace, 'index ' || quote_ident(relname)
    FROM pg_class WHERE relkind = 'i'
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace, 'extended statistics'
    FROM pg_statistic_ext
    UNION ALL SELECT 'pg_attrdef'::regclass, f.oid, relnamespace,
                     'the generated column ' || quote_ident(attname)
    FROM pg_attrdef f JOIN pg_attribute ON (attrelid, attnum) = (adrelid, adnum)
    JOIN pg_class c ON c.oid = adrelid WHERE attgenerated <> ''
) AS o (class, oid, schema, what) ON (classid, objid) = (class, o.oid)
WHERE refclassid = 'pg_class'::regclass AND refobjid = ANY(%s)
  AND schema = (SELECT oid FROM pg_namespace WHERE nspname = %s)
"""


def try_additions(
    cursor: Cursor, new: Made, additions: Additions, outgoing: Sequence[int]
) -> list[str]:
    """What does not fit the tables of `new`, each with the server's words; leaves nothing behind.

    Keys that stand on tables of others are not tried, for that would lock these.

    Args:
        outgoing: OIDs of the tables that go.
    """
    parents = _named(additions) & set(new.dataset.by_name)
    wanted = parents | additions.tables
    if not wanted:
        return []
    schema = f"rowmill_trial_{uuid4().hex[:12]}"
    cursor.execute("SAVEPOINT trial")
    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for table in new.dataset.tables:
        if table.name in wanted:
            cursor.execute(create_table(schema, table))
    for step in _steps(new, additions, parents):
        perform(cursor, schema, step)
    found = list(_failures(cursor, schema, additions))
    found += [tied for (tied,) in cursor.execute(_TIED, (list(outgoing), schema)).fetchall()]
    # An error that passes has ended the whole transaction instead, and the trial with it.
    cursor.execute("ROLLBACK TO SAVEPOINT trial")
    return found


def _named(additions: Additions) -> set[str]:
    """The relations besides its own table that a build names: those to which it refers."""
    return {name for build in additions.builds for name in build.relations if name != build.table}


def _steps(new: Made, additions: Additions, parents: set[str]) -> Iterator[Step]:
    """The run's own keys and indexes that additions need, name, or must get on with."""
    keyed = {build.table for build in additions.builds if build.kind is Kind.KEY}
    said: dict[str, str] = {}
    for each in additions.attachments:
        said[each.table] = said.get(each.table, "") + "".join(each.statement.pieces)
    for build in additions.builds:
        words = "".join(piece for statement in build.statements for piece in statement.pieces)
        said[build.table] = said.get(build.table, "") + words
    for step in new.steps:
        is_key = step.kind in "pu" and step.table in keyed | parents
        if step.kind != "f" and (is_key or step.name in said.get(step.table, "")):
            yield step


def _failures(cursor: Cursor, schema: str, additions: Additions) -> Iterator[str]:
    builds = sorted(additions.builds, key=lambda build: ORDER[build.kind])
    for build in builds:
        if build.outside:
            continue
        if said := _fails(cursor, partial(execute, cursor, schema, build, build.statements)):
            yield f"{build.label} ({said})"
    for attachment in (*additions.settings, *additions.attachments):
        if attachment.when not in (When.BOTH, When.TRIAL):
            continue
        statement = attachment.statement.within(schema)
        if said := _fails(cursor, partial(cursor.execute, statement)):
            yield f"{attachment.label} ({said})"


def _fails(cursor: Cursor, work: Callable[[], object]) -> str:
    """What the server has against the statements of `work`; empty if it takes them."""
    cursor.execute("SAVEPOINT one")
    try:
        work()
    except LASTING as error:
        cursor.execute("ROLLBACK TO SAVEPOINT one")
        return str(error.diag.message_primary)
    cursor.execute("RELEASE SAVEPOINT one")
    return ""
