"""Claims on names of tables: looked at, taken, taken over from an adopted owner, given back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

from psycopg import sql

from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import lock_key, preparing_owners
from rowmill.destinations.postgres.quoted_names import quoted
from rowmill.destinations.postgres.tables.ownership import Occupant, OwnTable


@dataclass(frozen=True)
class Entry:
    """Who loads a name by the ledger; `oid` and `run` of the table that he published under it."""

    owner: str
    oid: int | None
    run: str | None


@dataclass(frozen=True)
class Adopted:
    """A table that was taken over, and the comment that it had before."""

    table: OwnTable
    comment: str | None


@dataclass
class NamesTaken:
    """What one prepare changed by its claim; names that were its owner's before are not in it.

    `before` is the ledger's entry of each name until then, None where there was none.
    """

    before: dict[str, Entry | None] = field(default_factory=dict)
    adopted: dict[str, Adopted] = field(default_factory=dict)


def lock_names(cursor: Cursor, schema: str) -> None:
    """Wait for whoever claims names in the schema, so that one sees what the other claimed."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("target", schema),))


def claimants(
    cursor: Cursor, ledger_schema: str, owner: str, schema: str, names: Sequence[str]
) -> dict[str, str]:
    """Other experiments that are to publish under one of the names: a table of each, by owner.

    A claim counts while its owner prepares a run or has an unfinished one: what a crash left
    behind holds nobody up.
    """
    rows = cursor.execute(
        sql.SQL(
            "SELECT DISTINCT ON (owner) owner, table_name FROM {}.tables "
            "WHERE owner <> %s AND schema_name = %s AND table_name = ANY(%s) ORDER BY 1, 2"
        ).format(quoted(ledger_schema)),
        (owner, schema, list(names)),
    ).fetchall()
    found = {other: str(OwnTable(0, schema, name)) for other, name in rows}
    # In this order: who ended his prepare in between has a run by then.
    preparing = preparing_owners(cursor, found)
    live = _live_owners(cursor, ledger_schema, found)
    return {other: table for other, table in found.items() if other in preparing | live}


def names_before(
    cursor: Cursor, ledger_schema: str, owner: str, schema: str, names: Sequence[str]
) -> dict[str, Entry | None]:
    """What the ledger has of the names that are not this experiment's, as `NamesTaken.before`."""
    rows = cursor.execute(
        sql.SQL(
            "SELECT table_name, owner, table_oid, run FROM {}.tables "
            "WHERE schema_name = %s AND table_name = ANY(%s) FOR UPDATE"
        ).format(quoted(ledger_schema)),
        (schema, list(names)),
    ).fetchall()
    known = {name: Entry(*entry) for name, *entry in rows}
    before = {name: known.get(name) for name in names}
    return {name: entry for name, entry in before.items() if entry is None or entry.owner != owner}


def take_names(
    cursor: Cursor, ledger_schema: str, owner: str, schema: str, names: Sequence[str]
) -> None:
    """Record that this experiment is to publish under these names."""
    cursor.execute(
        sql.SQL(
            "INSERT INTO {}.tables AS t (schema_name, table_name, owner) "
            "SELECT %s, unnest(%s::text[]), %s ON CONFLICT (schema_name, table_name) DO UPDATE "
            "SET owner = excluded.owner, table_oid = NULL, run = NULL "
            "WHERE t.owner <> excluded.owner"
        ).format(quoted(ledger_schema)),
        (schema, list(names), owner),
    )


def names_held(
    cursor: Cursor, ledger_schema: str, owner: str, schema: str, names: Sequence[str]
) -> bool:
    """Whether the ledger has all of the names for this experiment."""
    row = cursor.execute(
        sql.SQL(
            "SELECT count(*) FROM {}.tables "
            "WHERE owner = %s AND schema_name = %s AND table_name = ANY(%s)"
        ).format(quoted(ledger_schema)),
        (owner, schema, list(names)),
    ).fetchone()
    return row == (len(names),)


def adopt_tables(
    cursor: Cursor, ledger_schema: str, owner: str, found: Sequence[Occupant], adopt: str
) -> dict[str, Adopted]:
    """Make the tables of the experiment `adopt` among `found` this experiment's, data and all.

    The run that published a table stays on record with it.

    Returns:
        What `NamesTaken.adopted` holds.
    """
    adopted = {}
    for item in found:
        if item.ours or item.claimed_by != adopt or item.kind != "r":
            continue
        table = item.table
        row = cursor.execute("SELECT obj_description(%s, 'pg_class')", (table.oid,)).fetchone()
        adopted[table.name] = Adopted(table, None if row is None else row[0])
        _comment(cursor, table, owner)
        cursor.execute(
            sql.SQL(
                "INSERT INTO {}.tables AS t VALUES (%s, %s, %s, %s, NULL) "
                "ON CONFLICT (schema_name, table_name) DO UPDATE SET owner = excluded.owner, "
                "run = CASE WHEN t.table_oid = excluded.table_oid THEN t.run END, "
                "table_oid = excluded.table_oid"
            ).format(quoted(ledger_schema)),
            (table.schema, table.name, owner, table.oid),
        )
    return adopted


def give_back(
    cursor: Cursor, ledger_schema: str, owner: str, schema: str, taken: NamesTaken
) -> None:
    """Undo a claim: each name is again whose it was before, tables that were adopted too.

    What has changed hands since is left as it is.
    """
    for adopted in taken.adopted.values():
        if _bears(cursor, adopted.table, owner):
            _comment(cursor, adopted.table, adopted.comment)
    for name, entry in taken.before.items():
        oid = taken.adopted[name].table.oid if name in taken.adopted else None
        ours = (schema, name, owner, oid)
        where = (
            "WHERE schema_name = %s AND table_name = %s AND owner = %s "
            "AND table_oid IS NOT DISTINCT FROM %s::oid"
        )
        if entry is None:
            cursor.execute(
                sql.SQL("DELETE FROM {}.tables " + where).format(quoted(ledger_schema)), ours
            )
        else:
            cursor.execute(
                sql.SQL(
                    "UPDATE {}.tables SET owner = %s, table_oid = %s, run = %s " + where
                ).format(quoted(ledger_schema)),
                (entry.owner, entry.oid, entry.run, *ours),
            )


def hand_back(cursor: Cursor, ledger_schema: str, owner: str) -> None:
    """Give the tables that the owner adopted, and never replaced, back to whose run made them.

    Those of which the ledger has no run stay as they are: whose they were, it does not know.
    """
    for (schema,) in _adopted(cursor, ledger_schema, owner, "DISTINCT schema_name"):
        lock_names(cursor, schema)
    columns = "table_oid, schema_name, table_name, r.id, r.owner"
    for *table, publisher in _adopted(cursor, ledger_schema, owner, columns):
        own = OwnTable(*table)
        if _bears(cursor, own, owner):
            _comment(cursor, own, publisher)
        cursor.execute(
            sql.SQL(
                "UPDATE {}.tables SET owner = %s WHERE schema_name = %s AND table_name = %s"
            ).format(quoted(ledger_schema)),
            (publisher, own.schema, own.name),
        )


def _adopted(
    cursor: Cursor, ledger_schema: str, owner: str, columns: LiteralString
) -> list[tuple[Any, ...]]:
    """Of the tables that are the owner's and another's run published, in the order of `columns`."""
    return cursor.execute(
        sql.SQL(
            "SELECT " + columns + " FROM {0}.tables t JOIN {0}.runs r ON r.id = t.run "
            "WHERE t.owner = %s AND r.owner <> t.owner AND table_oid IS NOT NULL ORDER BY 1"
        ).format(quoted(ledger_schema)),
        (owner,),
    ).fetchall()


def _live_owners(cursor: Cursor, ledger_schema: str, owners: Collection[str]) -> frozenset[str]:
    rows = cursor.execute(
        sql.SQL(
            "SELECT DISTINCT owner FROM {0}.experiments JOIN {0}.runs USING (owner, uid) "
            "WHERE owner = ANY(%s) AND state IN ('RUNNING', 'FINALIZING', 'PUBLISHING')"
        ).format(quoted(ledger_schema)),
        (list(owners),),
    ).fetchall()
    return frozenset(row[0] for row in rows)


def _bears(cursor: Cursor, table: OwnTable, owner: str) -> bool:
    """Whether the table is still there, under its name and with the owner key for a comment."""
    row = cursor.execute(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = %s "
        "AND nspname = %s AND relname = %s AND obj_description(c.oid, 'pg_class') = %s",
        (table.oid, table.schema, table.name, owner),
    ).fetchone()
    return row is not None


def _comment(cursor: Cursor, table: OwnTable, text: str | None) -> None:
    cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(table.identifier, sql.Literal(text)))
