"""Data checksums of examples/shop.yaml; as a program it prints them as JSON.

Two samples: every row at a small scale, and rows from the start, the middle and the end of the
full scale, whose indexes and permutations are larger.
"""

from __future__ import annotations

import json
from pathlib import Path

from rowmill.generate.rows import Generator
from rowmill.spec.load import Overrides, load_spec
from rowmill.verify.buckets import Buckets
from rowmill.verify.row_hasher import RowHasher

SHOP = Path(__file__).parents[3] / "examples" / "shop.yaml"
SMALL = "0.005"
PIECE = 2_000


def checksums() -> dict[str, str]:
    """`scale/table` -> the checksum of the sampled rows, as `rowmill verify` computes it."""
    found = {}
    for scale in (SMALL, "1"):
        dataset = load_spec(SHOP, overrides=Overrides(scale=scale)).dataset
        generator = Generator(dataset)
        for table in dataset.tables:
            buckets = Buckets()
            hasher = RowHasher([column.type for column in table.columns])
            for start, stop in _pieces(table.rows, everything=scale == SMALL):
                batch = generator.batch(table.name, start, stop)
                buckets.add(hasher.rows(batch.columns, batch.num_rows))
            found[f"{scale}/{table.name}"] = buckets.checksum
    return found


def _pieces(rows: int, *, everything: bool) -> list[tuple[int, int]]:
    if everything or rows <= 3 * PIECE:
        return [(0, rows)]
    middle = rows // 2
    return [(0, PIECE), (middle, middle + PIECE), (rows - PIECE, rows)]


if __name__ == "__main__":
    print(json.dumps(checksums(), indent=2))
