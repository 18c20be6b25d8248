"""A column's type in the words of Postgres's catalogue."""

from __future__ import annotations

from rowmill.spec.values.types import ColumnType, TypeName

_PRINTED = {
    TypeName.VARCHAR: "character varying",
    TypeName.CHAR: "character",
    TypeName.TIME: "time without time zone",
    TypeName.TIMESTAMP: "timestamp without time zone",
    TypeName.TIMESTAMPTZ: "timestamp with time zone",
}


def printed(kind: ColumnType) -> str:
    """The type as `format_type` prints it."""
    name = _PRINTED.get(kind.name)
    return kind.sql.replace(kind.name.value, name, 1) if name else kind.sql
