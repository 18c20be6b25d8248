"""`preview`: the first rows of each table, made on the spot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rowmill.cli.manifest_warnings import say_warnings
from rowmill.cli.printed_batches import printed_columns, printed_rows
from rowmill.cli.sources import from_file, one_file
from rowmill.counting import counted
from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Dataset, Table
from rowmill.terminal.failures import UsageError
from rowmill.terminal.output import Rows
from rowmill.views.rows import Row, RowSet, row_writer
from rowmill.worker.pools import check_columns, make_pools

_SLICE_ROWS = 10_000


def preview(
    manifest: Path | None,
    file: Path | None,
    table: str | None,
    rows: int,
    scale: str | None,
    seed: int | None,
    output: Rows,
) -> None:
    """Show at most `rows` rows of `table` or of every table."""
    source = from_file(one_file(manifest, file), scale, seed)
    spec = source.spec()
    say_warnings(source, spec)
    dataset = spec.dataset
    names = _tables(dataset, table)
    generator = check_columns(dataset, make_pools(dataset))
    with row_writer(output) as write:
        for name in names:
            known = dataset.table(name)
            title = f"{name} ({counted(known.rows, 'row')})"
            shown = _rows(generator, known, min(rows, known.rows))
            write(RowSet(name, printed_columns(known), shown, title))


def _rows(generator: Generator, table: Table, count: int) -> Iterator[Row]:
    for start in range(0, count, _SLICE_ROWS):
        stop = min(count, start + _SLICE_ROWS)
        yield from printed_rows(table, generator.batch(table.name, start, stop))


def _tables(dataset: Dataset, wanted: str | None) -> list[str]:
    if wanted is None:
        return [table.name for table in dataset.tables]
    try:
        return [dataset.table(wanted).name]
    except KeyError as error:
        raise UsageError(error.args[0]) from None
