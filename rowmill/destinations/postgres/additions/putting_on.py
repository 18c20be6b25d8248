"""Put what needs no build on tables: options before the load, all the rest in the publish."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from psycopg import sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.additions.model import Additions, Attachment, Kind, When
from rowmill.destinations.postgres.additions.settings import read_resets
from rowmill.destinations.postgres.additions.trial import LASTING
from rowmill.destinations.postgres.connection import Cursor


def put_on(
    cursor: Cursor, schema: str, additions: Additions, table: str, when: Collection[When]
) -> None:
    """Say the statements of a table for `when`, its options first.

    Raises:
        DestinationRefused: DependantsInTheWay, what the new table does not bear.
    """
    say(
        cursor,
        schema,
        [
            each
            for each in (*additions.settings, *additions.attachments)
            if each.table == table and each.when in when
        ],
    )


def say(cursor: Cursor, schema: str, attachments: Sequence[Attachment]) -> None:
    """Execute the statements about the relations of `schema`; raises as `put_on`."""
    for attachment in attachments:
        _execute(cursor, attachment.statement.within(schema), attachment.label)


def reset_settings(cursor: Cursor, schema: str, oids: Sequence[int]) -> None:
    """Take all options off tables of `schema`: users may have reset some since they were put on."""
    for statement in read_resets(cursor, oids):
        cursor.execute(statement.within(schema))


def move_statistics(cursor: Cursor, staging: str, schema: str, additions: Additions) -> None:
    """Extended statistics stay where they were made when their table is moved.

    Raises:
        DestinationRefused: DependantsInTheWay, something else has the name.
    """
    for build in additions.builds:
        if build.kind is not Kind.STATISTICS:
            continue
        home, name = build.home[0] or schema, build.home[1]
        staged, moved = sql.Identifier(staging, build.name), sql.Identifier(home, build.name)
        statements = (
            sql.SQL("COMMENT ON STATISTICS {} IS NULL").format(staged),
            sql.SQL("ALTER STATISTICS {} SET SCHEMA {}").format(staged, sql.Identifier(home)),
            sql.SQL("ALTER STATISTICS {} RENAME TO {}").format(moved, sql.Identifier(name)),
        )
        for statement in statements:
            _execute(cursor, statement.as_bytes(), build.label)


def unmark(cursor: Cursor, schema: str, additions: Additions) -> None:
    """Take the marks off what was built; its own comment is put on with the attachments."""
    for build in additions.builds:
        mark = build.comment(None)
        if mark is not None and build.kind is not Kind.STATISTICS:
            cursor.execute(mark.within(schema))


def _execute(cursor: Cursor, statement: bytes, label: str) -> None:
    try:
        cursor.execute(statement)
    except LASTING as error:
        raise DestinationRefused(
            "DependantsInTheWay",
            f"{label} does not fit the new table ({error.diag.message_primary}): "
            "drop or change it, then run again",
        ) from error
