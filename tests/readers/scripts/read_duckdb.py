"""Read tables by DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
from handing_over import hand_over


def write(folder: Path, file: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.read_parquet(f"{folder}/*.parquet").to_arrow_table()
    with pa.ipc.new_file(file, found.schema) as sink:
        sink.write_table(found)


if __name__ == "__main__":
    hand_over(duckdb.__version__, write)
