"""What users put on published tables, before a run and amid it, and what must be left of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import errors, sql

# People whom a user may see, fewer than any run has.
_SEEN = 100
_LATEST_SECONDS = 6.0
_BEFORE = (
    "ALTER TABLE {people} ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY few ON {people} USING (id <= {seen})",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT ON {people} TO {role}",
    "CREATE UNIQUE INDEX users_index ON {people} (email, id) WHERE id > 0",
    "ALTER TABLE {people} ADD CONSTRAINT users_check CHECK (id >= 0)",
    "ALTER TABLE {people} ADD COLUMN users_column text GENERATED ALWAYS AS (upper(name)) STORED",
    "CREATE PUBLICATION {role} FOR TABLE {people} (id, name) WHERE (id > 7)",
)
_LATE = (
    "CREATE INDEX late_index ON {people} (born DESC)",
    "ALTER TABLE {people} ADD CONSTRAINT late_check CHECK (id < 1000000000)",
    "CREATE STATISTICS {schema}.late_statistics ON id, born FROM {people}",
)
_FOUND = """
SELECT polname::text FROM pg_policy WHERE polrelid = %(people)s::regclass
UNION ALL SELECT 'row security' FROM pg_class WHERE oid = %(people)s::regclass AND relrowsecurity
UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %(people)s::regclass
    AND indisvalid
UNION ALL SELECT conname FROM pg_constraint WHERE conrelid = %(people)s::regclass AND convalidated
UNION ALL SELECT attname FROM pg_attribute WHERE attrelid = %(people)s::regclass
    AND attgenerated = 's' AND NOT attisdropped
UNION ALL SELECT 'publication' FROM pg_publication_rel WHERE prrelid = %(people)s::regclass
UNION ALL SELECT stxname FROM pg_statistic_ext WHERE stxrelid = %(people)s::regclass
"""
_WANTED = {"few", "row security", "users_index", "users_check", "users_column", "publication"}
_WANTED_LATE = {"late_index", "late_check", "late_statistics"}


class Users:
    """Users of a schedule's table `people`, who come back until their statements are through."""

    def __init__(self, connect: Callable[[], psycopg.Connection], schema: str, seed: int) -> None:
        self._connect, self._schema = connect, schema
        self._names = {
            "schema": sql.Identifier(schema),
            "people": sql.Identifier(schema, "people"),
            "role": sql.Identifier(f"reader of {schema}"),
            "seen": sql.Literal(_SEEN),
        }
        self._wanted = set(_WANTED)
        # A stream of its own, so that the schedule of a seed stays what it was.
        at = random.Random(f"users of {seed}").uniform(0.2, _LATEST_SECONDS)
        self._end = threading.Event()
        self._late = threading.Thread(target=self._come_late, args=(at,), daemon=True)

    def come(self) -> None:
        """Put things on the table of the earlier run; some more will come while the next runs."""
        with self._connect() as connection:
            with suppress(errors.DuplicateObject):
                connection.execute(self._say("CREATE ROLE {role}"))
            connection.commit()
            for statement in _BEFORE:
                connection.execute(self._say(statement))
        self._late.start()

    def leave(self) -> None:
        """Come no more."""
        self._end.set()
        self._late.join()

    def look(self) -> str | None:
        """A user sees the rows that the policy shows, no more and no fewer, at any moment."""
        with self._connect() as connection:
            connection.execute(self._say("SET LOCAL ROLE {role}"))
            try:
                row = connection.execute(self._say("SELECT count(*) FROM {people}")).fetchone()
            except errors.InsufficientPrivilege as error:
                return f"a user was kept out: {error}"
        return None if row == (_SEEN,) else f"a user saw {row}, not the {_SEEN} of the policy"

    def missed(self) -> list[str]:
        """What is not on the published table any more."""
        with self._connect() as connection:
            people = self._names["people"].as_string()
            rows = connection.execute(_FOUND, {"people": people}).fetchall()
        found = {name.rpartition(".")[2] for (name,) in rows}
        return [f"users miss {name!r} on people" for name in sorted(self._wanted - found)]

    def forget(self) -> None:
        """Drop the role and its publication."""
        with self._connect() as connection:
            connection.execute(self._say("DROP PUBLICATION IF EXISTS {role}"))
            connection.execute(self._say("DROP OWNED BY {role}"))
            connection.execute(self._say("DROP ROLE {role}"))

    def _come_late(self, at: float) -> None:
        if self._end.wait(at):
            return
        while not self._end.is_set():
            with suppress(psycopg.Error), self._connect() as connection:
                connection.execute("SET lock_timeout = '2s'")
                for statement in _LATE:
                    connection.execute(self._say(statement))
                connection.commit()
                self._wanted |= _WANTED_LATE
                return
            self._end.wait(0.2)

    def _say(self, statement: str) -> sql.Composed:
        return sql.SQL(statement).format(**self._names)
