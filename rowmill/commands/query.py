"""`query`: a read-only SQL query over an experiment's tables."""

from __future__ import annotations

from rowmill.engine.interface import Engine
from rowmill.terminal.output import Rows
from rowmill.views.rows import RowSet, row_writer


def query(engine: Engine, name: str, sql: str, output: Rows) -> None:
    """Show the result of a query."""
    with row_writer(output) as write, engine.warehouse(name).query(sql) as result:
        write(RowSet("rows", result.columns, result.rows))
