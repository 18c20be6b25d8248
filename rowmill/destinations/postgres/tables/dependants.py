"""What hangs on tables that are about to go: views that can be made again, and what cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

import psycopg
from psycopg import sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.tables.grants import (
    Privileges,
    privileges_of,
    restore_privileges,
)


@dataclass(frozen=True)
class View:
    """A plain view with all that is needed to make it again.

    `column_comments` by column; `obstacle` says why it cannot be made again, empty if it can.
    """

    oid: int
    schema: str
    name: str
    options: tuple[str, ...]
    definition: str
    comment: str | None
    column_comments: tuple[tuple[str, str], ...]
    privileges: Privileges
    obstacle: str

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f'view "{self.schema}"."{self.name}"'


@dataclass(frozen=True)
class Dependants:
    """`views` in an order in which they can be made; `obstacles` described for the reader."""

    views: tuple[View, ...]
    obstacles: tuple[str, ...]


def find_dependants(cursor: Cursor, tables: Iterable[int]) -> Dependants:
    """All that depends on the tables (OIDs), through views over views, save the tables themselves.

    The transaction's search_path must hold nothing but pg_catalog, so that definitions come with
    qualified names.
    """
    known = set(tables)
    below: dict[int, set[int]] = {}
    obstacles: set[str] = set()
    frontier = set(known)
    while frontier:
        found: set[int] = set()
        for on, view, description in _edges(cursor, frontier, known):
            if view is None:
                obstacles.add(description)
            else:
                below.setdefault(view, set())
                if on in below:
                    below[view].add(on)
                if view not in known:
                    found.add(view)
        known |= found
        frontier = found
    order = list(TopologicalSorter(below).static_order())
    views = _read_views(cursor, order)
    obstacles |= {f"{view} ({view.obstacle})" for view in views if view.obstacle}
    return Dependants(tuple(views), tuple(sorted(obstacles)))


def drop_views(cursor: Cursor, views: Sequence[View]) -> None:
    """Drop all of them at once, so that their order is no matter."""
    if views:
        names = sql.SQL(", ").join(view.identifier for view in views)
        cursor.execute(sql.SQL("DROP VIEW {}").format(names))


def make_views(cursor: Cursor, views: Sequence[View]) -> None:
    """Make dropped views again, as they were.

    Raises:
        DestinationRefused: DependantsInTheWay, when a view does not fit the new tables.
    """
    for view in views:
        try:
            cursor.execute(_create(view))
        except psycopg.ProgrammingError as error:
            raise DestinationRefused(
                "DependantsInTheWay",
                f"{view} does not fit the new tables ({error.diag.message_primary}): "
                "drop or change it, then run again",
            ) from error
        for statement in _comments(view):
            cursor.execute(statement)
        _restore(cursor, view)


def _edges(
    cursor: Cursor, relations: set[int], known: set[int]
) -> list[tuple[int, int | None, str]]:
    """(relation depended on, depending plain view or None, description of the dependant).

    A relation's row type counts as the relation. What belongs to a known relation is left out.
    """
    rows = cursor.execute(
        """
        WITH targets AS (
            SELECT 'pg_class'::regclass AS class, oid AS object, oid AS relation
            FROM pg_class WHERE oid = ANY(%(relations)s)
            UNION ALL SELECT 'pg_type'::regclass, y.oid, c.oid
            FROM pg_class c JOIN pg_type y ON y.oid = reltype OR y.typelem = reltype
            WHERE c.oid = ANY(%(relations)s) AND reltype <> 0
        ), found AS (
            SELECT DISTINCT relation, d.classid, d.objid, d.objsubid, coalesce(
                ev_class, conrelid, adrelid, polrelid, tgrelid, prrelid,
                CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid END
            ) AS belongs_to, rulename
            FROM targets JOIN pg_depend d ON (refclassid, refobjid) = (class, object)
            LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
            LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
            LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
            LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
            LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
            LEFT JOIN pg_publication_rel r
                ON d.classid = 'pg_publication_rel'::regclass AND r.oid = d.objid
            WHERE deptype = 'n'
        )
        SELECT relation,
               CASE WHEN relkind = 'v' AND (rulename = '_RETURN' OR classid = 'pg_class'::regclass)
                    THEN c.oid END,
               CASE WHEN rulename = '_RETURN' AND relkind = 'm'
                    THEN 'materialised view ' || c.oid::regclass
                    ELSE pg_describe_object(classid, objid, objsubid) END
        FROM found LEFT JOIN pg_class c ON c.oid = belongs_to
        WHERE belongs_to IS DISTINCT FROM relation
          AND (rulename = '_RETURN' OR belongs_to IS NULL OR belongs_to <> ALL(%(known)s))
        """,
        {"relations": list(relations), "known": list(known)},
    ).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


def _read_views(cursor: Cursor, oids: Sequence[int]) -> list[View]:
    if not oids:
        return []
    rows = cursor.execute(
        """
        SELECT c.oid, nspname, relname, coalesce(reloptions, '{}'),
               pg_get_viewdef(c.oid), obj_description(c.oid, 'pg_class'),
               ARRAY(SELECT ARRAY[attname::text, description] FROM pg_description
                     JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid
                     WHERE objoid = c.oid AND classoid = 'pg_class'::regclass AND objsubid > 0),
               CASE WHEN relpersistence = 't' THEN 'temporary, of another session'
                    WHEN NOT pg_has_role(relowner, 'USAGE')
                    THEN 'owned by ' || pg_get_userbyid(relowner)
                    WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid) THEN 'has triggers'
                    WHEN EXISTS (SELECT FROM pg_attrdef WHERE adrelid = c.oid) THEN 'has defaults'
                    WHEN EXISTS (SELECT FROM pg_rewrite
                                 WHERE ev_class = c.oid AND rulename <> '_RETURN') THEN 'has rules'
                    WHEN NOT has_schema_privilege(n.oid, 'CREATE')
                    THEN 'in a schema in which the role may not create'
                    WHEN NOT has_schema_privilege(relowner, n.oid, 'CREATE')
                         AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                    THEN 'owned by ' || pg_get_userbyid(relowner) || ', who may not create there'
                    WHEN EXISTS (SELECT FROM pg_type WHERE oid = reltype AND typacl IS NOT NULL)
                    THEN 'has privileges on its row type'
                    WHEN EXISTS (SELECT FROM pg_description WHERE objoid = reltype
                                 AND classoid = 'pg_type'::regclass)
                    THEN 'has a comment on its row type'
                    WHEN EXISTS (SELECT FROM pg_description JOIN pg_rewrite r ON r.oid = objoid
                                 WHERE classoid = 'pg_rewrite'::regclass AND ev_class = c.oid)
                    THEN 'has a comment on its rule'
                    WHEN EXISTS (SELECT FROM pg_seclabel WHERE objoid = c.oid
                                 AND classoid = 'pg_class'::regclass) THEN 'has security labels'
                    ELSE '' END
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = ANY(%s)
        """,
        (list(oids),),
    ).fetchall()
    privileges = privileges_of(cursor, oids)
    by_oid = {}
    for oid, schema, name, options, definition, comment, columns, obstacle in rows:
        by_oid[oid] = View(
            oid=oid,
            schema=schema,
            name=name,
            options=tuple(options),
            definition=definition,
            comment=comment,
            column_comments=tuple((column, text) for column, text in columns),
            privileges=privileges[oid],
            obstacle=obstacle,
        )
    return [by_oid[oid] for oid in oids if oid in by_oid]


def _create(view: View) -> sql.Composed:
    pairs = [option.partition("=") for option in view.options]
    options = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, _, value in pairs
    )
    with_options = sql.SQL(" WITH ({})").format(options) if pairs else sql.SQL("")
    # The server's own text of the query, with every name qualified and quoted.
    query = sql.SQL(view.definition.replace("{", "{{").replace("}", "}}")).format()
    return sql.SQL("CREATE VIEW {}{} AS {}").format(view.identifier, with_options, query)


def _comments(view: View) -> Iterable[sql.Composed]:
    if view.comment is not None:
        yield sql.SQL("COMMENT ON VIEW {} IS {}").format(view.identifier, sql.Literal(view.comment))
    for column, text in view.column_comments:
        yield sql.SQL("COMMENT ON COLUMN {} IS {}").format(
            sql.Identifier(view.schema, view.name, column), sql.Literal(text)
        )


def _restore(cursor: Cursor, view: View) -> None:
    row = cursor.execute(
        "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE (nspname, relname) = (%s, %s)",
        (view.schema, view.name),
    ).fetchone()
    if row is None:
        raise AssertionError("the view was made just now")
    restore_privileges(cursor, view.identifier, row[0], view.privileges)
