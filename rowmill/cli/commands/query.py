"""`query`: a read-only SQL query over an experiment's tables."""

from __future__ import annotations

from pathlib import Path

from rowmill.cli.row_output import RowSet, row_writer
from rowmill.cli.sources import Secrets, from_either
from rowmill.cli.waiting import report_waits, say_starting
from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.postgres.read.query import querying
from rowmill.local.connections import find_connections
from rowmill.local.home import rowmill_home
from rowmill.terminal.failures import UsageError
from rowmill.terminal.output import Rows
from rowmill.terminal.prose import say
from rowmill.warehouse.published import NothingPublished, why_nothing_is_there
from rowmill.worker.destinations import one_machine


def query(words: list[str] | None, file: Path | None, secrets: Secrets, output: Rows) -> None:
    """Show the result of a query; the experiment's schema is first on the search path.

    Args:
        words: NAME and SQL, or with `file` the SQL alone.
    """
    words = words or []
    if len(words) != (2 if file is None else 1):
        raise UsageError("give the experiment's NAME and one SQL text, or -f FILE and the SQL")
    sql = words[-1]
    if not sql.strip(" \t\r\n;"):
        raise UsageError('the SQL is empty; give a query, such as: "SELECT count(*) FROM orders"')
    source = from_either(words[0] if file is None else None, file, secrets)
    spec = source.spec()
    if spec.postgres is None:
        raise UsageError(f"{spec.name} has no Postgres destination to query")
    connections = find_connections(spec, source.secrets, rowmill_home(), say_starting)
    reader = connections.reader
    assert reader is not None
    try:
        with (
            row_writer(output) as write,
            querying(
                reader(),
                sql,
                schema=spec.postgres.schema,
                patience=one_machine(report_waits()),
                notice=lambda text: say(f"rowmill: {text}", err=True),
            ) as result,
        ):
            write(RowSet("rows", result.columns, result.rows))
    except QueryRefused as error:
        unpublished = why_nothing_is_there(spec, connections) if error.missing else None
        if unpublished is None:
            raise
        [said, *_] = str(error).splitlines()
        raise NothingPublished(f"{spec.name}: {unpublished} ({said})") from None
