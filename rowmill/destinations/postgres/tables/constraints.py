"""Keys, indexes and references of a loaded run: the steps of finalize, each safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import errors, sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.tables.key_names import KeyNames
from rowmill.destinations.postgres.tables.lock_modes import Lock
from rowmill.spec.dataset import Dataset, Table

# (kind, table, columns, parent, parent's columns): what tells one step's work from another's.
Shape = tuple[str, str, tuple[str, ...], str, tuple[str, ...]]


@dataclass(frozen=True)
class Step:
    """One key, index or reference of one staged table.

    `kind` is p (primary key), u (unique), i (index) or f (reference). `name` is the one that
    Postgres gives it, were all steps done in their order on tables without any.
    """

    kind: str
    name: str
    table: str
    columns: tuple[str, ...]
    parent: str = ""
    parent_columns: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """All but the name."""
        return self.kind, self.table, self.columns, self.parent, self.parent_columns

    @property
    def label(self) -> str:
        """What the step makes, for progress."""
        what = _WORDS[self.kind]
        to = f" to {self.parent}" if self.parent else ""
        return f"{what} {self.table} ({', '.join(self.columns)}){to}"


_WORDS = {"p": "primary key of", "u": "unique key of", "i": "index on", "f": "reference from"}


def steps(dataset: Dataset, constraints: str) -> list[Step]:
    """All steps in an order in which they can be done; `constraints` is all, keys or none."""
    if constraints == "none":
        return []
    shapes = [shape for table in dataset.tables for shape in _keys(table)]
    if constraints == "all":
        shapes += [
            ("i", table.name, columns, "", ())
            for table in dataset.tables
            for columns in table.indexes
        ]
        shapes += [
            ("f", table.name, link.columns, link.parent, link.parent_columns)
            for table in dataset.tables
            for link in table.links
        ]
    names = KeyNames(dataset.by_name)
    return [
        Step(kind, names.give(kind, table, columns), table, columns, parent, parent_columns)
        for kind, table, columns, parent, parent_columns in dict.fromkeys(shapes)
    ]


def perform(cursor: Cursor, schema: str, step: Step) -> None:
    """Do a step unless the catalogue shows that very one; another of its name goes first.

    A reference holds for new rows only, until `validate`.

    Raises:
        DestinationRefused: EntryTooLarge, the rows have values that no index holds.
    """
    present = _present_behind_locks(cursor, schema, step, locks(step))
    if present is not None and present.is_of(step):
        return
    if present is not None:
        cursor.execute(_drop(schema, step, is_constraint=present.kind != "i"))
    try:
        cursor.execute(_MAKERS[step.kind](schema, step))
    except errors.ProgramLimitExceeded as error:
        raise DestinationRefused("EntryTooLarge", _entry_too_large(step, error)) from error


def validate(cursor: Cursor, schema: str, step: Step) -> None:
    """See that all rows bear the reference that `perform` made, unless that is known."""
    present = _present_behind_locks(cursor, schema, step, locks_to_validate(step))
    if present is None or not present.validated:
        cursor.execute(
            sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(
                sql.Identifier(schema, step.table), sql.Identifier(step.name)
            )
        )


def locks(step: Step) -> dict[str, Lock]:
    """What `perform` takes: all that its statement wants, in a mode that twins wait for."""
    mode = Lock.ACCESS_EXCLUSIVE if step.kind in "pu" else Lock.SHARE_ROW_EXCLUSIVE
    return dict.fromkeys(filter(None, (step.table, step.parent)), mode)


def locks_to_validate(step: Step) -> dict[str, Lock]:
    """What `validate` takes: several tables that refer to one parent may be looked at at once."""
    return {step.parent: Lock.ROW_SHARE, step.table: Lock.SHARE_UPDATE_EXCLUSIVE}


def _present_behind_locks(
    cursor: Cursor, schema: str, step: Step, wanted: Mapping[str, Lock]
) -> _Present | None:
    """What bears the step's name, once its tables are held: a twin's step then shows as done."""
    for name in sorted(wanted):
        cursor.execute(
            sql.SQL("LOCK TABLE {} IN {} MODE").format(
                sql.Identifier(schema, name), sql.SQL(wanted[name].value)
            )
        )
    return _present(cursor, schema, step)


def _entry_too_large(step: Step, error: psycopg.Error) -> str:
    return (
        f"the {step.label} cannot be made: {error.diag.message_primary}. The values of some rows "
        "are too long for an index, and would be again: shorten them in the manifest, or take the "
        "key or index out of it, then run with --restart"
    )


def _keys(table: Table) -> Iterator[Shape]:
    if table.primary_key:
        yield "p", table.name, table.primary_key, "", ()
    for columns in table.unique:
        yield "u", table.name, columns, "", ()


@dataclass(frozen=True)
class _Present:
    """What bears a step's name on its table.

    `sound` says that it is usable and no more than a step makes; only what holds for all rows is
    `validated`.
    """

    kind: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    sound: bool
    validated: bool

    def is_of(self, step: Step) -> bool:
        shape = self.kind, step.table, self.columns, self.parent, self.parent_columns
        return self.sound and shape == step.shape


def _present(cursor: Cursor, schema: str, step: Step) -> _Present | None:
    """What bears the step's name on its table."""
    row = cursor.execute(
        """
        WITH bearer AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                        WHERE nspname = %(schema)s AND relname = %(table)s AND relkind = 'r')
        SELECT contype::text,
               ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k (num, place)
                     JOIN pg_attribute ON (attrelid, attnum) = (conrelid, num) ORDER BY place),
               coalesce((SELECT relname::text FROM pg_class p WHERE p.oid = confrelid
                         AND p.relnamespace = connamespace), ''),
               ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS k (num, place)
                     JOIN pg_attribute ON (attrelid, attnum) = (confrelid, num) ORDER BY place),
               NOT condeferrable
               AND coalesce((SELECT indisvalid FROM pg_index
                             WHERE indexrelid = conindid AND contype <> 'f'), true),
               convalidated
        FROM pg_constraint JOIN bearer ON conrelid = bearer.oid WHERE conname = %(name)s
        UNION ALL
        SELECT 'i',
               ARRAY(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS k (num, place)
                     JOIN pg_attribute ON (attrelid, attnum) = (indrelid, num) ORDER BY place),
               '', '{}',
               indisvalid AND NOT indisunique AND indpred IS NULL AND indexprs IS NULL
               AND indnkeyatts = indnatts,
               true
        FROM pg_index JOIN bearer ON indrelid = bearer.oid
        JOIN pg_class x ON x.oid = indexrelid WHERE x.relname = %(name)s
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
        """,
        {"schema": schema, "table": step.table, "name": step.name},
    ).fetchone()
    if row is None:
        return None
    kind, columns, parent, parent_columns, sound, validated = row
    return _Present(kind, tuple(columns), parent, tuple(parent_columns), sound, validated)


def _drop(schema: str, step: Step, *, is_constraint: bool) -> sql.Composed:
    if not is_constraint:
        return sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, step.name))
    return sql.SQL("ALTER TABLE {} DROP CONSTRAINT {} CASCADE").format(
        sql.Identifier(schema, step.table), sql.Identifier(step.name)
    )


def _make_key(schema: str, step: Step) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {} ({})").format(
        sql.Identifier(schema, step.table),
        sql.Identifier(step.name),
        sql.SQL("PRIMARY KEY" if step.kind == "p" else "UNIQUE"),
        _names(step.columns),
    )


def _make_index(schema: str, step: Step) -> sql.Composed:
    return sql.SQL("CREATE INDEX {} ON {} ({})").format(
        sql.Identifier(step.name), sql.Identifier(schema, step.table), _names(step.columns)
    )


def _make_reference(schema: str, step: Step) -> sql.Composed:
    words = "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) NOT VALID"
    return sql.SQL(words).format(
        sql.Identifier(schema, step.table),
        sql.Identifier(step.name),
        _names(step.columns),
        sql.Identifier(schema, step.parent),
        _names(step.parent_columns),
    )


_MAKERS: dict[str, Callable[[str, Step], sql.Composed]] = {
    "p": _make_key,
    "u": _make_key,
    "i": _make_index,
    "f": _make_reference,
}


def _names(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
