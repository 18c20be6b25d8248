"""What every reader's script does alike: hand over each table below a folder as Arrow's IPC file.

    python read_NAME.py SOURCE TARGET

The tables are SOURCE/TABLE/*.parquet. TARGET gets VERSION, and for each table TABLE.arrow or, with
the reader's words, TABLE.refused. These scripts are run by the reader's own interpreter, which
knows nothing of Rowmill, and often neither pyarrow nor pandas.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def hand_over(version: str, write: Callable[[Path, Path], None]) -> None:
    """Call `write(folder, file)` for the folder of every table and the file it is to become."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    (target / "VERSION").write_text(version, encoding="utf-8")
    for folder in sorted(source.iterdir()):
        refused = target / f"{folder.name}.refused"
        refused.write_text("the process died of it", encoding="utf-8")
        try:
            write(folder, target / f"{folder.name}.arrow")
        except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception; all are told
            refused.write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        else:
            refused.unlink()
