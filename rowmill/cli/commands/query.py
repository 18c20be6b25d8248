"""`query`: a read-only SQL query over an experiment's tables."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.cli.failures import UsageError
from rowmill.cli.row_output import RowSet, write_rows
from rowmill.cli.sources import from_name
from rowmill.destinations.postgres_query import read_rows
from rowmill.local.connections import connections
from rowmill.local.home import rowmill_home
from rowmill.worker.destinations import join


def query(name: str, sql: str, secrets: Sequence[str], output: str) -> None:
    """Show the result of `sql`; the experiment's schema is first on the search path."""
    source = from_name(name, secrets)
    spec = source.spec()
    if spec.postgres is None:
        raise UsageError(f"{name} has no Postgres destination to query")
    destinations = join(spec, connections(spec, source.secrets, rowmill_home()))
    assert destinations.session is not None
    columns, rows = read_rows(destinations.session.address, sql, schema=spec.postgres.schema)
    write_rows([RowSet("rows", f"{len(rows):,} rows", columns, rows)], output)
