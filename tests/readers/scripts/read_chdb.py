"""Read tables by chDB, which is ClickHouse as a library."""

from __future__ import annotations

from pathlib import Path

import chdb
from handing_over import hand_over


def write(folder: Path, file: Path) -> None:
    files = str(folder / "*.parquet").replace("\\", "\\\\").replace("'", "\\'")
    query = f"SELECT * FROM file('{files}', Parquet)"
    file.write_bytes(chdb.query(query, "Arrow").bytes())


if __name__ == "__main__":
    hand_over(chdb.__version__, write)
