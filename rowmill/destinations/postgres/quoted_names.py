"""Names for statements that are executed with parameters."""

from __future__ import annotations

from psycopg import sql


def quoted(*name: str) -> sql.SQL:
    """A quoted name for a statement that is executed with parameters.

    psycopg reads a % in such a statement as a placeholder, also within an `Identifier`.
    """
    return sql.SQL(sql.Identifier(*name).as_string().replace("%", "%%"))
