"""Whose a table is: OID, name and comment against the ledger, and what is refused for it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.quoted_names import quoted
from rowmill.spec.cluster_names import ADOPT

# An owner key is engine/namespace/name; an engine's id may hold a slash itself.
_OWNER_KEY = re.compile(r"[^\s/]+(/[^\s/]+){2,}")
_KINDS = {
    "r": "a table",
    "p": "a partitioned table",
    "v": "a view",
    "m": "a materialised view",
    "i": "an index",
    "I": "an index",
    "S": "a sequence",
    "f": "a foreign table",
    "c": "a type",
    "": "a type",
}


@dataclass(frozen=True)
class OwnTable:
    """A table that is the experiment's, or that its next run has leave to replace.

    Of its own ones OID, name and comment agree with the ledger. `run` is the id of the run that
    published it, if that is known; a `stranger` is nobody's.
    """

    oid: int
    schema: str
    name: str
    run: str | None = None
    stranger: bool = False

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f'"{self.schema}"."{self.name}"'


@dataclass(frozen=True)
class Occupant:
    """What bears the name of a wanted table in the target schema.

    `ours` says that everything agrees; `recorded` that only the comment does not. `claimed_by` is
    another's owner key by ledger or comment (or this one's, by comment alone), None of a table that
    is nobody's. `may_drop`: the role owns it, directly or by membership. `goes_with` is the OID of
    the table with which an index, or the type of its arrays, goes; 0 of all else.
    """

    table: OwnTable
    kind: str
    ours: bool
    recorded: bool
    claimed_by: str | None
    may_drop: bool
    goes_with: int


def own_tables(cursor: Cursor, ledger_schema: str, owner: str) -> list[OwnTable]:
    """The experiment's published tables, wherever they are."""
    rows = cursor.execute(
        sql.SQL(
            "SELECT c.oid, nspname, relname, run "
            "FROM {}.tables t JOIN pg_class c ON c.oid = table_oid "
            "JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE owner = %s AND nspname = schema_name AND relname = table_name AND relkind = 'r' "
            "AND obj_description(c.oid, 'pg_class') = owner ORDER BY c.oid"
        ).format(quoted(ledger_schema)),
        (owner,),
    ).fetchall()
    return [OwnTable(*row) for row in rows]


def strayed_tables(cursor: Cursor, ledger_schema: str, owner: str) -> list[OwnTable]:
    """Tables that the experiment published and whose name, schema or comment was changed since."""
    rows = cursor.execute(
        sql.SQL(
            "SELECT c.oid, nspname, relname FROM {}.tables t JOIN pg_class c ON c.oid = table_oid "
            "JOIN pg_namespace n ON n.oid = relnamespace WHERE owner = %s AND relkind = 'r' "
            "AND (nspname, relname, obj_description(c.oid, 'pg_class')) "
            " IS DISTINCT FROM (schema_name, table_name, owner) ORDER BY c.oid"
        ).format(quoted(ledger_schema)),
        (owner,),
    ).fetchall()
    return [OwnTable(*row) for row in rows]


def occupants(
    cursor: Cursor, ledger_schema: str, owner: str, schema: str, names: Sequence[str]
) -> list[Occupant]:
    """What bears one of the names in the schema: relations, and types that are no relation's."""
    rows = cursor.execute(
        sql.SQL(
            "SELECT c.oid, relname, relkind::text, obj_description(c.oid, 'pg_class'), t.owner, "
            " t.table_oid = c.oid, t.run, pg_has_role(relowner, 'USAGE'), coalesce(indrelid, 0) "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "LEFT JOIN {}.tables t ON (schema_name, table_name) = (nspname, relname) "
            "LEFT JOIN pg_index ON indexrelid = c.oid "
            "WHERE nspname = %(schema)s AND relname = ANY(%(names)s) "
            "UNION ALL SELECT y.oid, y.typname, '', NULL, NULL, NULL, NULL, false, "
            " coalesce(e.typrelid, 0) "
            "FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace "
            "LEFT JOIN pg_type e ON e.typarray = y.oid "
            "WHERE nspname = %(schema)s AND y.typname = ANY(%(names)s) AND y.typrelid = 0 "
            "ORDER BY 2"
        ).format(quoted(ledger_schema)),
        {"schema": schema, "names": list(names)},
    ).fetchall()
    found = []
    for oid, name, kind, comment, claimant, same_oid, run, may_drop, goes_with in rows:
        recorded = bool(same_oid) and claimant == owner and kind == "r"
        ours = recorded and comment == owner
        by_comment = comment if comment and _OWNER_KEY.fullmatch(comment) else None
        claimed_by = by_comment if recorded or not same_oid else claimant
        stranger = claimed_by is None and not recorded
        found.append(
            Occupant(
                table=OwnTable(oid, schema, name, run if same_oid else None, stranger),
                kind=kind,
                ours=ours,
                recorded=recorded and not ours,
                claimed_by=None if ours else claimed_by,
                may_drop=bool(may_drop),
                goes_with=goes_with,
            )
        )
    return found


def refuse_occupants(
    found: Sequence[Occupant], owner: str, role: str, *, replace: bool, adopt: str | None
) -> None:
    """Refuse what may not be replaced by this experiment, all of one reason at once.

    Raises:
        DestinationRefused: TargetInUse, TableExists or PermissionDenied.
    """
    strangers = [item for item in found if not item.ours]
    refuse_owners(
        {
            item.claimed_by: str(item.table)
            for item in strangers
            if item.claimed_by is not None and item.claimed_by != adopt
        }
    )
    blocking = [
        item for item in strangers if item.claimed_by is None and not (replace and item.kind == "r")
    ]
    if blocking:
        exists = "; ".join(
            f"{item.table} is {_KINDS.get(item.kind, 'another object')}" for item in blocking
        )
        raise DestinationRefused(
            "TableExists",
            f"{exists} that is not this experiment's ({owner}): drop or rename it, or "
            "choose another `postgres.schema`"
            + ("" if replace else "; `ifExists: replace` gives leave to replace tables")
            + "".join(_restore_comment(item, owner) for item in blocking if item.recorded),
        )
    not_owned = [str(item.table) for item in found if not item.may_drop]
    if not_owned:
        raise DestinationRefused(
            "PermissionDenied",
            f"the role does not own {', '.join(not_owned)}, which this run is to replace: "
            "run as an administrator\n"
            + "\n".join(f'ALTER TABLE {name} OWNER TO "{role}";' for name in not_owned),
        )


def _restore_comment(item: Occupant, owner: str) -> str:
    comment = sql.SQL("COMMENT ON TABLE {} IS {};").format(
        item.table.identifier, sql.Literal(owner)
    )
    return (
        f".\nBy the ledger {item.table} is its own, but the comment, which says so, was changed; "
        f"set it back with\n{comment.as_string()}"
    )


def refuse_owners(tables_of: dict[str, str]) -> None:
    """Refuse targets of other experiments, with the line that takes them over."""
    for other, table in sorted(tables_of.items()):
        raise DestinationRefused(
            "TargetInUse",
            f"{table} belongs to another experiment, {other}; choose another "
            "spec.destinations.postgres.schema, or take it over: run again with\n"
            f"--adopt {shlex.quote(other)}\n(on a cluster: the annotation {ADOPT}: {other})",
        )


def lost_claims(
    cursor: Cursor, ledger_schema: str, owner: str, schema: str, names: Sequence[str]
) -> dict[str, str]:
    """The names that another experiment took over since they were claimed: a table by owner."""
    rows = cursor.execute(
        sql.SQL(
            "SELECT owner, table_name FROM {}.tables "
            "WHERE schema_name = %s AND table_name = ANY(%s) AND owner <> %s"
        ).format(quoted(ledger_schema)),
        (schema, list(names), owner),
    ).fetchall()
    return {other: str(OwnTable(0, schema, name)) for other, name in rows}


def record_table(
    cursor: Cursor, ledger_schema: str, owner: str, table: OwnTable, run_id: str | None
) -> None:
    """Enter a published table into the ledger."""
    cursor.execute(
        sql.SQL(
            "INSERT INTO {}.tables VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (schema_name, table_name) DO UPDATE "
            "SET owner = excluded.owner, table_oid = excluded.table_oid, run = excluded.run"
        ).format(quoted(ledger_schema)),
        (table.schema, table.name, owner, table.oid, run_id),
    )
