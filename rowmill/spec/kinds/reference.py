"""The kind of a column that refers to another table's: `references`, or a foreign key's column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rowmill.spec.kinds.parent import Copy


@dataclass(frozen=True)
class Reference(Copy):
    """The parent's key: the value of `column` in the row that the link `via` picked."""

    key: ClassVar[str] = "reference"

    via: str
    column: str
