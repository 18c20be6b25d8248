"""Read tables by Polars."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from handing_over import hand_over


def write(folder: Path, file: Path) -> None:
    pl.read_parquet(folder / "*.parquet").write_ipc(file)


if __name__ == "__main__":
    hand_over(pl.__version__, write)
