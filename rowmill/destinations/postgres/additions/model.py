"""The words for what users put on published tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from psycopg import sql

_MARK = "rowmill "
# A string is passed over, but for one that names a relation.
_TOKEN = re.compile(
    r"""'(?P<relation>(?:[^']|'')*)'::reg|'(?:[^']|'')*'"""
    r"""|"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[\w$]+)"""
)


@dataclass(frozen=True)
class Statement:
    """SQL in pieces: text and, at every second place, the name of a relation in the schema at hand.

    The text is the server's own: names in it are quoted, those of other schemas qualified.
    """

    pieces: tuple[str, ...]

    def within(self, schema: str) -> bytes:
        """The statement about the relations of `schema`; to be executed without parameters."""
        return "".join(
            sql.Identifier(schema, piece).as_string() if place % 2 else piece
            for place, piece in enumerate(self.pieces)
        ).encode()

    def names(self, name: str) -> bool:
        """Whether `name` is an identifier in it: neither a part of another, nor in a string."""
        texts = self.pieces[::2]
        return name in self.pieces[1::2] or any(name in _identifiers(text) for text in texts)


def _identifiers(text: str) -> Iterator[str]:
    for token in _TOKEN.finditer(text):
        if token["relation"]:
            yield from _identifiers(token["relation"])
        elif token["quoted"]:
            yield token["quoted"].replace('""', '"')
        elif token["bare"]:
            yield token["bare"]


class When(StrEnum):
    """When an attachment's statement runs.

    BEFORE the old tables are dropped, on them; at the PUBLISH, on the new ones; in the TRIAL on
    empty ones; BOTH of the last two.
    """

    BEFORE = "before"
    PUBLISH = "publish"
    TRIAL = "trial"
    BOTH = "both"


@dataclass(frozen=True)
class Attachment:
    """One statement that needs no look at the rows. `label` names it to the reader.

    The statement has no pieces where the thing takes a form that is not known. `bearer` is the
    column, key or index that bears it, with which it goes; empty of the table.
    """

    table: str
    label: str
    statement: Statement
    when: When = When.BOTH
    bearer: str = ""


class Kind(StrEnum):
    """What takes a build, in the order in which it is made: each may stand on those before it.

    COLUMN and TABLESPACE come before the run's own keys, since they write the table anew.
    """

    COLUMN = "column"
    TABLESPACE = "tablespace"
    NOT_NULL = "not null"
    CHECK = "check"
    KEY = "key"
    INDEX = "index"
    INDEX_TABLESPACE = "index tablespace"
    STATISTICS = "statistics"
    REFERENCE = "reference"


FIRST = frozenset({Kind.COLUMN, Kind.TABLESPACE})
ORDER = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Build:
    """One thing of a table that is made by looking at its rows.

    `name` is that of the thing in its table or schema, for a tablespace the tablespace's. `outside`
    says that it stands on a table that is not the experiment's: its statements after the first run
    in a transaction of their own, for the first locks that table. `home` is where statistics go at
    the publish: their schema, empty for the table's, and name. `role` is who the table belongs to,
    and makes it; empty for our own.
    """

    kind: Kind
    table: str
    name: str
    label: str
    statements: tuple[Statement, ...]
    outside: bool = False
    home: tuple[str, str] = ("", "")
    role: str = ""

    def __str__(self) -> str:
        return self.label

    @property
    def place(self) -> tuple[Kind, str, str]:
        return self.kind, self.table, self.name

    @property
    def relations(self) -> frozenset[str]:
        """The tables that it names, and indexes: its own, and those to which it refers."""
        return frozenset(name for each in self.statements for name in each.pieces[1::2])

    @property
    def is_in_two(self) -> bool:
        """Whether it is made in two transactions."""
        return self.outside and len(self.statements) > 1

    @property
    def mark(self) -> str:
        """The comment that the built thing bears until it is published: what it was built from."""
        text = json.dumps([self.kind, self.table, self.name, [s.pieces for s in self.statements]])
        return _MARK + blake2b(text.encode(), digest_size=16).hexdigest()

    def comment(self, text: str | None) -> Statement | None:
        """COMMENT on the thing; None for what bears none."""
        value = "NULL" if text is None else sql.Literal(text).as_string()
        name = sql.Identifier(self.name).as_string()
        match self.kind:
            case Kind.COLUMN:
                return Statement(("COMMENT ON COLUMN ", self.table, f".{name} IS {value}"))
            case Kind.CHECK | Kind.KEY | Kind.REFERENCE:
                head = f"COMMENT ON CONSTRAINT {name} ON "
                return Statement((head, self.table, f" IS {value}"))
            case Kind.INDEX:
                return Statement(("COMMENT ON INDEX ", self.name, f" IS {value}"))
            case Kind.STATISTICS:
                return Statement(("COMMENT ON STATISTICS ", self.name, f" IS {value}"))
        return None


@dataclass(frozen=True)
class Additions:
    """All that users put on outgoing tables; `obstacles` describes what cannot be made again."""

    settings: tuple[Attachment, ...] = ()
    builds: tuple[Build, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    obstacles: tuple[str, ...] = ()

    @property
    def tables(self) -> frozenset[str]:
        """The tables that have any."""
        every: Sequence[Attachment | Build] = (*self.settings, *self.builds, *self.attachments)
        return frozenset(each.table for each in every)
