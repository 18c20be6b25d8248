"""Read tables by fastparquet, into pandas."""

from __future__ import annotations

from pathlib import Path

import fastparquet
import pyarrow as pa
from handing_over import hand_over


def write(folder: Path, file: Path) -> None:
    frame = fastparquet.ParquetFile(str(folder)).to_pandas()
    found = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    with pa.ipc.new_file(file, found.schema) as sink:
        sink.write_table(found)


if __name__ == "__main__":
    hand_over(fastparquet.__version__, write)
