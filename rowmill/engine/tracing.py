"""Where a stored row comes from, and whether it is as it was made: plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rowmill.engine.verification import CellDifference, Value


@dataclass(frozen=True)
class Copy:
    """A row as one destination holds it; `cells` are those that are not as they were made.

    `problem` says why it could not be read; `place` is then None, as it is of a row that is lost.
    """

    destination: str
    place: str | None
    identical: bool
    cells: tuple[CellDifference, ...]
    problem: str | None = None


@dataclass(frozen=True)
class Trace:
    """A row's way. `row` and what follows from it are None for a stored row that no run made.

    `batch_rows` and `part_rows` are half-open ranges of row indexes; `object` is the part's address
    if there is a bucket; `values` are the row's cells made again.
    """

    owner: str
    run: int
    run_id: str
    digest: str
    data_version: int
    seed: int
    table: str
    key: dict[str, Value]
    row: int | None
    batch: int | None
    batch_rows: tuple[int, int] | None
    part: int | None
    part_rows: tuple[int, int] | None
    object: str | None
    values: dict[str, Value] | None
    copies: tuple[Copy, ...]

    @property
    def found(self) -> bool:
        """Whether the key is of any row, made or stored."""
        return self.row is not None or any(copy.place for copy in self.copies)

    @property
    def identical(self) -> bool:
        """Whether every destination holds the row once, as it was made."""
        places = [copy.destination for copy in self.copies]
        return all(copy.identical for copy in self.copies) and len(set(places)) == len(places)

    def to_json(self) -> dict[str, Any]:
        """The trace as plain JSON data."""
        document = asdict(self)
        renamed = {
            "id": document.pop("run_id"),
            "dataVersion": document.pop("data_version"),
            "batchRows": document.pop("batch_rows"),
            "partRows": document.pop("part_rows"),
        }
        return {**document, **renamed, "identical": self.identical}
