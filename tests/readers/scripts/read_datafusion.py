"""Read tables by DataFusion."""

from __future__ import annotations

from pathlib import Path

import datafusion
import pyarrow as pa
from handing_over import hand_over


def write(folder: Path, file: Path) -> None:
    found = datafusion.SessionContext().read_parquet(folder).to_arrow_table()
    with pa.ipc.new_file(file, found.schema) as sink:
        sink.write_table(found)


if __name__ == "__main__":
    hand_over(datafusion.__version__, write)
