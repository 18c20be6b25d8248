"""`preview`: rows of each table, made on the spot."""

from __future__ import annotations

from pathlib import Path

from rowmill.cli.manifest_warnings import say_warnings
from rowmill.cli.sources import from_file, one_file
from rowmill.counting import counted
from rowmill.on_demand.pages import none_from
from rowmill.on_demand.printed_cells import printed_columns, printed_rows
from rowmill.spec.dataset import Dataset, Table
from rowmill.terminal.failures import UsageError
from rowmill.terminal.output import Rows
from rowmill.terminal.prose import notice
from rowmill.views.rows import RowSet, row_writer
from rowmill.worker.pools import check_columns, make_pools


def preview(
    manifest: Path | None,
    file: Path | None,
    table: str | None,
    rows: int,
    offset: int,
    scale: str | None,
    seed: int | None,
    output: Rows,
) -> None:
    """Show at most `rows` rows from `offset`, counted from 0, of `table` or of every table."""
    source = from_file(one_file(manifest, file), scale, seed)
    spec = source.spec()
    say_warnings(source, spec)
    dataset = spec.dataset
    names = _tables(dataset, table)
    generator = check_columns(dataset, make_pools(dataset))
    with row_writer(output) as write:
        for name in names:
            known = dataset.table(name)
            start, stop = min(offset, known.rows), min(offset + rows, known.rows)
            shown = printed_rows(generator, known, start, stop)
            write(RowSet(name, printed_columns(known), shown, _title(known, offset)))
            if 0 < known.rows <= offset:
                notice(none_from(name, known.rows, offset))


def _title(table: Table, offset: int) -> str:
    begins = f", from row {offset:,}" if 0 < offset < table.rows else ""
    return f"{table.name} ({counted(table.rows, 'row')}{begins})"


def _tables(dataset: Dataset, wanted: str | None) -> list[str]:
    if wanted is None:
        return [table.name for table in dataset.tables]
    try:
        return [dataset.table(wanted).name]
    except KeyError as error:
        raise UsageError(error.args[0]) from None
