"""A login to the Postgres that PG* variables lead to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg


def connect(known: Mapping[str, str]) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection in autocommit mode."""
    return psycopg.connect(
        host=known["PGHOST"],
        port=known["PGPORT"],
        user=known["PGUSER"],
        password=known["PGPASSWORD"],
        dbname=known["PGDATABASE"],
        autocommit=True,
    )
