"""Read tables by PyIceberg: add the files to an Iceberg table as they are, and scan it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyiceberg
from handing_over import hand_over
from pyiceberg.catalog.sql import SqlCatalog


def write(folder: Path, file: Path) -> None:
    files = sorted(str(path) for path in folder.glob("*.parquet"))
    with tempfile.TemporaryDirectory() as warehouse:
        catalog = SqlCatalog("readers", uri="sqlite://", warehouse=f"file://{warehouse}")
        try:
            catalog.create_namespace("readers")
            table = catalog.create_table("readers.it", pq.read_schema(files[0]))
            table.add_files(files)
            found = table.scan().to_arrow()
        finally:
            catalog.close()
    with pa.ipc.new_file(file, found.schema) as sink:
        sink.write_table(found)


if __name__ == "__main__":
    hand_over(pyiceberg.__version__, write)
