"""What users' builds the staged tables have and lack, and how each is made there.

A thing that was built bears its mark as a comment, set in the transaction that made it, until the
publish. So a finalize that is taken up again skips exactly what is wanted as it was built, and what
is wanted no longer, or otherwise by now, goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.additions.building import execute
from rowmill.destinations.postgres.additions.model import ORDER, Build, Kind, Statement
from rowmill.destinations.postgres.additions.own_keys import Made
from rowmill.destinations.postgres.additions.trial import LASTING
from rowmill.destinations.postgres.connection import Cursor

_PRESENT = """
WITH t AS (SELECT c.oid, relname::text AS name, reltablespace FROM pg_class c
           JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %(schema)s
           AND relkind = 'r' AND (%(table)s::text IS NULL OR relname = %(table)s))
SELECT 'column', name, attname::text, col_description(attrelid, attnum)
FROM t JOIN pg_attribute ON attrelid = t.oid WHERE attgenerated <> '' AND NOT attisdropped
UNION ALL SELECT 'tablespace', name, spcname::text, NULL
FROM t JOIN pg_tablespace s ON s.oid = reltablespace
UNION ALL SELECT 'not null', name, attname::text, NULL
FROM t JOIN pg_attribute ON attrelid = t.oid WHERE attnum > 0 AND attnotnull AND NOT attisdropped
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = attrelid AND contype = 'p'
                    AND attnum = ANY(conkey))
UNION ALL SELECT CASE contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'reference' ELSE 'key' END,
       name, conname::text, obj_description(k.oid, 'pg_constraint')
FROM t JOIN pg_constraint k ON conrelid = t.oid WHERE contype IN ('c', 'p', 'u', 'x', 'f')
UNION ALL SELECT 'index', name, i.relname::text, obj_description(i.oid, 'pg_class')
FROM t JOIN pg_index ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
UNION ALL SELECT 'index tablespace', name, i.relname || ' in ' || spcname, NULL
FROM t JOIN pg_index ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid
JOIN pg_tablespace s ON s.oid = i.reltablespace
UNION ALL SELECT 'statistics', name, stxname::text, obj_description(s.oid, 'pg_statistic_ext')
FROM t JOIN pg_statistic_ext s ON stxrelid = t.oid
"""


@dataclass(frozen=True)
class Present:
    """One thing of a staged table, with the comment that it bears."""

    kind: Kind
    table: str
    name: str
    mark: str | None

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.table}"

    @property
    def place(self) -> tuple[Kind, str, str]:
        return self.kind, self.table, self.name

    def is_of(self, build: Build | None) -> bool:
        """Whether it is the very thing that the build makes."""
        if build is None or self.place != build.place:
            return False
        return build.comment(None) is None or self.mark == build.mark

    def is_begun(self, build: Build | None) -> bool:
        """Whether it is that, or will be once the rest of the build's statements ran."""
        if build is None or self.place != build.place:
            return False
        return self.is_of(build) or self.mark == _begun(build)


@dataclass(frozen=True)
class Lack:
    """What a staged table has and should not, and what it has not and should, in order."""

    drops: tuple[Present, ...]
    builds: tuple[Build, ...]

    def __bool__(self) -> bool:
        return bool(self.drops or self.builds)


def read_present(cursor: Cursor, schema: str, table: str | None = None) -> list[Present]:
    """The things of all staged tables, or of one."""
    rows = cursor.execute(_PRESENT, {"schema": schema, "table": table}).fetchall()
    return [Present(Kind(kind), *rest) for kind, *rest in rows]


def find_lack(present: Sequence[Present], builds: Iterable[Build], new: Made) -> Lack:
    """Compare what is there with what is wanted beside the run's own steps; pure."""
    wanted = {build.place: build for build in sorted(builds, key=lambda b: ORDER[b.kind])}
    there = {thing.place: thing for thing in present}
    own = {(step.table, step.name) for step in new.steps}
    drops = [
        thing
        for thing in present
        if not (thing.mark is None and (thing.table, thing.name) in own)
        and not _is_of_the_manifest(thing, new)
        and not thing.is_begun(wanted.get(thing.place))
    ]
    lacking = [
        build
        for place, build in wanted.items()
        if not (place in there and there[place].is_of(build))
    ]
    drops.sort(key=lambda thing: ORDER[thing.kind], reverse=True)
    return Lack(tuple(drops), tuple(lacking))


def _is_of_the_manifest(thing: Present, new: Made) -> bool:
    """Whether it is as the run makes it; a tablespace may be any, for it changes no data."""
    if thing.kind in (Kind.TABLESPACE, Kind.INDEX_TABLESPACE):
        return True
    if thing.kind is Kind.NOT_NULL:
        table = new.dataset.by_name.get(thing.table)
        column = table.by_name.get(thing.name) if table else None
        return column is not None and not column.nullable
    return False


def drop(cursor: Cursor, schema: str, thing: Present) -> None:
    """Drop what nobody wants of a staged table, with all that stands on it."""
    table, name = sql.Identifier(schema, thing.table), sql.Identifier(thing.name)
    own = sql.Identifier(schema, thing.name)
    match thing.kind:
        case Kind.COLUMN:
            statement = sql.SQL("ALTER TABLE {} DROP COLUMN IF EXISTS {} CASCADE").format(
                table, name
            )
        case Kind.NOT_NULL:
            statement = sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL").format(table, name)
        case Kind.INDEX:
            statement = sql.SQL("DROP INDEX IF EXISTS {}").format(own)
        case Kind.STATISTICS:
            statement = sql.SQL("DROP STATISTICS IF EXISTS {}").format(own)
        case _:
            words = "ALTER TABLE {} DROP CONSTRAINT IF EXISTS {} CASCADE"
            statement = sql.SQL(words).format(table, name)
    cursor.execute(statement)


def make(cursor: Cursor, schema: str, build: Build) -> None:
    """Make a user's thing on a staged table, unless a twin did, and mark it.

    Raises:
        DestinationRefused: UserConstraint, the run's rows do not bear it; DependantsInTheWay.
    """
    if any(thing.is_begun(build) for thing in _held(cursor, schema, build)):
        return
    statements = build.statements[:1] if build.outside else build.statements
    _execute(cursor, schema, build, statements)
    _mark(cursor, schema, build, _begun(build) if build.is_in_two else build.mark)


def finish(cursor: Cursor, schema: str, build: Build) -> None:
    """The rest of what stands on a table that is not the experiment's; raises as `make`."""
    if not any(thing.is_of(build) for thing in _held(cursor, schema, build)):
        _execute(cursor, schema, build, build.statements[1:])
        _mark(cursor, schema, build, build.mark)


def _begun(build: Build) -> str:
    return f"{build.mark} begun"


def _held(cursor: Cursor, schema: str, build: Build) -> list[Present]:
    """What the build's table has, which is held first: a twin's work then shows as done.

    So is the run's table to which it refers, by the names' order, as the run's own steps do.
    """
    mode, tables = "ACCESS EXCLUSIVE", frozenset({build.table})
    if build.kind is Kind.REFERENCE:
        mode, tables = "SHARE ROW EXCLUSIVE", build.relations
    for name in sorted(tables):
        table = sql.Identifier(schema, name)
        cursor.execute(sql.SQL("LOCK TABLE {} IN {} MODE").format(table, sql.SQL(mode)))
    return read_present(cursor, schema, build.table)


def _mark(cursor: Cursor, schema: str, build: Build, mark: str) -> None:
    if statement := build.comment(mark):
        cursor.execute(statement.within(schema))


def _execute(cursor: Cursor, schema: str, build: Build, statements: Sequence[Statement]) -> None:
    try:
        execute(cursor, schema, build, statements)
    except LASTING as error:
        raise _refusal(build, error) from error


def _refusal(build: Build, error: psycopg.Error) -> DestinationRefused:
    said = "; ".join(
        part for part in (error.diag.message_primary, error.diag.message_detail) if part
    )
    if isinstance(error, (psycopg.ProgrammingError, psycopg.NotSupportedError)):
        return DestinationRefused(
            "DependantsInTheWay",
            f"{build.label} cannot be made on the new table ({said}): drop or change it, then run "
            "again; the run resumes",
        )
    return DestinationRefused(
        "UserConstraint",
        f"rows of this run break {build.label}, which was put on the published table ({said}): "
        "drop or change it there, then run again; the run resumes",
    )
