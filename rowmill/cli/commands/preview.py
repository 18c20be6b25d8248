"""`preview`: the first rows of each table, made on the spot."""

from __future__ import annotations

from pathlib import Path

from rowmill.cli.manifest_warnings import say_warnings
from rowmill.cli.row_output import RowSet, write_rows
from rowmill.cli.sources import from_file
from rowmill.spec.dataset import Dataset
from rowmill.terminal.failures import UsageError
from rowmill.worker.pools import check_columns, make_pools


def preview(
    file: Path, table: str | None, rows: int, scale: str | None, seed: int | None, output: str
) -> None:
    """Show at most `rows` rows of `table` or of every table."""
    spec = from_file(file, scale, seed).spec()
    say_warnings(spec)
    dataset = spec.dataset
    names = _tables(dataset, table)
    generator = check_columns(dataset, make_pools(dataset))
    sets = []
    for name in names:
        known = dataset.table(name)
        batch = generator.batch(name, 0, min(rows, known.rows))
        title = f"{name} ({known.rows:,} rows)"
        sets.append(RowSet(name, title, batch.schema.names, batch))
    write_rows(sets, output)


def _tables(dataset: Dataset, wanted: str | None) -> list[str]:
    names = [table.name for table in dataset.tables]
    if wanted is None:
        return names
    if wanted not in names:
        raise UsageError(f"there is no table {wanted!r}; the tables are {', '.join(names)}")
    return [wanted]
