"""All that users put on the tables that a publish is to replace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from psycopg import sql

from rowmill.destinations.postgres.additions.attachments import read_attachments, read_restrictions
from rowmill.destinations.postgres.additions.builds import (
    IndexPlace,
    read_builds,
    read_index_places,
    read_keys,
    read_references_to,
    read_renamed_not_nulls,
)
from rowmill.destinations.postgres.additions.model import (
    Additions,
    Attachment,
    Build,
    Kind,
    Statement,
    When,
)
from rowmill.destinations.postgres.additions.obstacles import read_obstacles, read_sequence_users
from rowmill.destinations.postgres.additions.own_keys import Key, Made, Own, tell_apart
from rowmill.destinations.postgres.additions.settings import TABLES, read_settings
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.printed_types import printed
from rowmill.destinations.postgres.tables.constraints import Step
from rowmill.destinations.postgres.tables.ownership import OwnTable
from rowmill.spec.dataset import Column, Table

# What the run of an id made; None where its records are gone.
MadeBy = Callable[[Cursor, str], Made | None]

_SHARED_NAMES = frozenset({Kind.CHECK, Kind.KEY, Kind.INDEX, Kind.REFERENCE})
_RELATIONS = frozenset({Kind.KEY, Kind.INDEX})


@dataclass(frozen=True)
class Successor:
    """An outgoing table, what the run that published it made of it, and what takes its place.

    `own` are the steps of that run, `planned` those of the new one. Without the records of the
    first `made` is None, and `own` what the new run makes: whatever the new table has not is a
    user's then.
    """

    old: OwnTable
    made: Table | None
    own: tuple[Step, ...]
    new: Table
    planned: tuple[Step, ...]

    @cached_property
    def gone(self) -> frozenset[str]:
        """The columns that the new table has not, and which go with all that is on them alone."""
        return frozenset(self.made.by_name if self.made else ()) - frozenset(self.new.by_name)

    def adds(self, column: str) -> bool:
        """Whether the column of the old table is a user's."""
        return column not in (self.made or self.new).by_name

    def requires(self, column: str) -> bool:
        """Whether the new table itself has the column NOT NULL."""
        return column in self.new.by_name and not self.new.column(column).nullable


def read_additions(
    cursor: Cursor, tables: Sequence[OwnTable], new: Made, schema: str, made_by: MadeBy
) -> Additions:
    """What is on tables that a publish replaces by those of `new` in `schema`.

    What is on a table that the new run has not goes with it, as its rows do. Of a table that is
    nobody's, and goes by leave of `ifExists: replace`, only what restricts is taken over.

    The transaction's search_path must hold nothing but pg_catalog, so that all names are qualified.
    """
    staying = [table for table in tables if table.name in new.dataset.by_name]
    leaving = [table.oid for table in tables if table.name not in new.dataset.by_name]
    lost = read_sequence_users(cursor, [table.oid for table in tables], leaving)
    strangers = [table.oid for table in staying if table.stranger]
    found = Additions(
        attachments=tuple(read_restrictions(cursor, strangers)), obstacles=tuple(lost)
    )
    own = [table for table in staying if not table.stranger]
    if not own:
        return found
    if twins := _twins(own):
        return replace(found, obstacles=(*found.obstacles, *twins))
    added = _of_own(
        cursor,
        _successors(cursor, own, new, made_by),
        leaving,
        read_references_to(cursor, [*leaving, *strangers]),
        new,
        schema,
    )
    return replace(
        added,
        attachments=added.attachments + found.attachments,
        obstacles=added.obstacles + found.obstacles,
    )


def _twins(tables: Sequence[OwnTable]) -> list[str]:
    """Tables of one name: what is on both cannot be put on the one that takes their place."""
    by_name: dict[str, list[OwnTable]] = {}
    for table in tables:
        by_name.setdefault(table.name, []).append(table)
    return [
        f"{' and '.join(map(str, same))}, whose place one table would take: drop all but one"
        for same in by_name.values()
        if len(same) > 1
    ]


def _successors(
    cursor: Cursor, tables: Sequence[OwnTable], new: Made, made_by: MadeBy
) -> dict[str, Successor]:
    runs = {run: made_by(cursor, run) for run in {table.run for table in tables} if run is not None}
    found = {}
    for table in tables:
        made = runs.get(table.run or "")
        before = made.dataset.by_name.get(table.name) if made else None
        own = tuple((made or new).steps_of.get(table.name, ()))
        planned = tuple(new.steps_of.get(table.name, ()))
        found[table.name] = Successor(table, before, own, new.dataset.table(table.name), planned)
    return found


def _of_own(
    cursor: Cursor,
    tables: dict[str, Successor],
    leaving: Sequence[int],
    to_dropped: Collection[tuple[str, str]],
    new: Made,
    schema: str,
) -> Additions:
    oids = [table.old.oid for table in tables.values()]
    users, own = _keys(cursor, [*oids, *leaving], tables)
    builds = [build for build in read_builds(cursor, oids) if _is_added(build, tables)]
    builds += [key.build for key in users]
    lost = {(each.build.table, each.name) for each in own if each.planned is None}
    builds += _index_places(read_index_places(cursor, oids), own)
    attachments = [*_renames(own), *read_attachments(cursor, oids)]
    roles = _other_owners(cursor, oids)
    builds = [replace(build, role=roles.get(build.table, "")) for build in builds]
    return Additions(
        settings=tuple(_borne(read_settings(cursor, oids), tables, lost)),
        builds=tuple(build for build in builds if build.statements),
        attachments=tuple(_borne(attachments, tables, lost)),
        obstacles=(
            *read_obstacles(cursor, oids, schema),
            *_column_obstacles(cursor, tables),
            *_name_obstacles(
                [*builds, *(each.build for each in own if each.renamed)],
                new,
            ),
            *_moved_obstacles(own, attachments),
            *_reference_obstacles(users, tables, to_dropped),
            *_renamed_not_nulls(cursor, tables),
            *_unknown(builds, attachments),
        ),
    )


def _other_owners(cursor: Cursor, oids: Sequence[int]) -> dict[str, str]:
    """The owners of tables that are another role's than ours."""
    rows = cursor.execute(
        "SELECT relname::text, pg_get_userbyid(relowner)::text FROM pg_class "
        "WHERE oid = ANY(%s) AND pg_get_userbyid(relowner) <> current_user",
        (list(oids),),
    ).fetchall()
    return dict(rows)


def _keys(
    cursor: Cursor, oids: Sequence[int], tables: dict[str, Successor]
) -> tuple[list[Key], list[Own]]:
    """The users' keys of the tables, and the runs' own.

    `oids` has the tables that go away besides, to which a run's own key may refer.
    """
    found: dict[str, list[Key]] = {name: [] for name in tables}
    for key in read_keys(cursor, oids):
        if key.build.table in found:
            found[key.build.table].append(key)
    apart = [tell_apart(found[name], table.own, table.planned) for name, table in tables.items()]
    return [key for users, _ in apart for key in users], [each for _, own in apart for each in own]


def _is_added(build: Build, tables: dict[str, Successor]) -> bool:
    """Whether a column or NOT NULL is not the run's; all else that is built here never is."""
    table = tables[build.table]
    if build.kind is Kind.COLUMN:
        return build.name not in table.new.by_name
    if build.kind is Kind.NOT_NULL:
        if build.name in table.gone or table.requires(build.name):
            return False
        return table.adds(build.name) or (table.made or table.new).column(build.name).nullable
    return True


def _index_places(places: Sequence[IndexPlace], own: Sequence[Own]) -> Iterator[Build]:
    planned = {each.name: each.planned for each in own if each.kind != "f"}
    for place in places:
        if name := planned.get(place.index, place.index):
            yield place.of(name)


def _renames(own: Sequence[Own]) -> Iterator[Attachment]:
    """Keys and indexes of the run to which users gave another name keep it."""
    for each in own:
        if each.planned is None or not each.renamed:
            continue
        old, name = (sql.Identifier(one).as_string() for one in (each.planned, each.name))
        pieces = (
            ("ALTER INDEX ", each.planned, f" RENAME TO {name}")
            if each.kind == "i"
            else ("ALTER TABLE ", each.build.table, f" RENAME CONSTRAINT {old} TO {name}")
        )
        when = When.PUBLISH if each.kind == "f" else When.BOTH
        yield Attachment(each.build.table, each.build.label, Statement(pieces), when)


def _moved_obstacles(own: Sequence[Own], attachments: Sequence[Attachment]) -> Iterator[str]:
    """What names a key that this run, for the number at its end, gives another name."""
    for each in own:
        if not each.moved:
            continue
        for attachment in attachments:
            on_it = attachment.table == each.build.table
            if on_it and attachment.statement.names(each.name):
                yield f"{attachment.label}, for this run names {each.name} {each.planned}"


def _borne(
    found: Sequence[Attachment], tables: dict[str, Successor], lost: set[tuple[str, str]]
) -> Iterator[Attachment]:
    """Without what is on columns, keys and indexes that the new run no longer has."""
    for each in found:
        bearer = each.bearer
        if each.when is When.BEFORE:
            # A sequence that a column owned, say, outlives it: others may use it.
            yield each
            continue
        if bearer not in tables[each.table].gone and (each.table, bearer) not in lost:
            yield each


def _unknown(builds: Sequence[Build], attachments: Sequence[Attachment]) -> list[str]:
    labels = [build.label for build in builds if not build.statements]
    labels += [each.label for each in attachments if not each.statement.pieces]
    return [f"{label}, of a form that is not known" for label in labels]


def _renamed_not_nulls(cursor: Cursor, tables: dict[str, Successor]) -> Iterator[str]:
    """Those of a run, the last or the new one: a user's is made again under its name."""
    oids = [table.old.oid for table in tables.values()]
    for name, column, label in read_renamed_not_nulls(cursor, oids):
        table, made = tables[name], tables[name].made
        own = made is not None and column in made.by_name and not made.column(column).nullable
        if table.requires(column) or (own and column in table.new.by_name):
            yield f"{label}, which was given another name"


def _name_obstacles(builds: Sequence[Build], new: Made) -> Iterator[str]:
    planned = {step.name for step in new.steps}
    for build in builds:
        if build.kind in _SHARED_NAMES and build.name in planned:
            bearer = "a key or index of its own"
        elif build.kind in _RELATIONS and build.name in new.dataset.by_name:
            bearer = "a table"
        else:
            continue
        yield (
            f"{build.label}, whose name this run gives to {bearer}: drop it or give it another name"
        )


def _reference_obstacles(
    users: Sequence[Key], tables: dict[str, Successor], to_dropped: Collection[tuple[str, str]]
) -> Iterator[str]:
    """References that the trial leaves alone: over columns that are gone, to tables that go."""
    for key in users:
        if (key.build.table, key.build.name) in to_dropped:
            yield f"{key.build.label}, which refers to a table that goes away"
        gone = [column for column in key.columns if column in tables[key.build.table].gone]
        if key.build.outside and gone:
            yield f"{key.build.label}, whose column {gone[0]} the new table has not"


def _column_obstacles(cursor: Cursor, tables: dict[str, Successor]) -> Iterator[str]:
    rows = cursor.execute(
        TABLES + "SELECT name, attname::text, said || '.' || col, attgenerated <> '', "
        "format_type(atttypid, atttypmod), attcollation <> typcollation "
        "FROM a JOIN pg_type y ON y.oid = atttypid ORDER BY name, attnum",
        {"oids": [table.old.oid for table in tables.values()]},
    ).fetchall()
    for name, column, said, generated, kind, collated in rows:
        table = tables[name]
        if column in table.gone:
            continue
        if table.adds(column):
            yield from _added_column(said, generated, is_planned=column in table.new.by_name)
        elif table.made is not None:
            yield from _changed_column(said, generated, kind, collated, table.made.column(column))


def _added_column(said: str, generated: bool, *, is_planned: bool) -> Iterator[str]:
    if not generated:
        yield f"column {said}, which was added and whose values would be lost"
    elif is_planned:
        yield f"the generated column {said}, whose name the manifest gives to a column of its own"


def _changed_column(
    said: str, generated: bool, kind: str, collated: bool, made: Column
) -> Iterator[str]:
    if generated:
        yield f"column {said}, which was made a generated one"
    elif kind != printed(made.type):
        yield f"column {said}, which was made {kind} and is {printed(made.type)} by the manifest"
    elif collated:
        yield f"column {said}, which was given a collation"
