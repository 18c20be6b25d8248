"""A read-only query for a person: its columns and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from rowmill.destinations.postgres_connection import PostgresAddress


class QueryRefused(ValueError):
    """Postgres would not run the query; the message is Postgres's own."""


def read_rows(
    address: PostgresAddress, query: str, *, schema: str
) -> tuple[list[str], Sequence[Sequence[Any]]]:
    """Run `query` in a read-only transaction with `schema` first on the search path.

    Raises:
        QueryRefused: it is wrong, or would write.
        DestinationRefused, DestinationUnavailable: Postgres cannot be reached.
    """
    try:
        with address.connect() as connection:
            connection.read_only = True
            connection.autocommit = False
            path = sql.SQL("SET search_path TO {}, public").format(sql.Identifier(schema))
            connection.execute(path)
            cursor = connection.execute(query.encode())
            if cursor.description is None:
                return [], []
            return [column.name for column in cursor.description], cursor.fetchall()
    except psycopg.OperationalError as error:
        raise address.error(error) from None
    except psycopg.Error as error:
        raise QueryRefused(str(error).strip()) from None
