"""How the cells of a kind are built: by each of its versions, and back from a value to its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rowmill.generate.context import Builder
from rowmill.spec.kind.base import Kind
from rowmill.spec.versions import VERSIONS, version_of


@dataclass(frozen=True)
class CellBuilder:
    """The builders of a kind by its version, which a data version names (rowmill.spec.versions).

    `invert` tells, for a kind that can be inverted, the row of a value, None if no row has it; it
    is asked only of kinds that never repeat.

    Raises:
        TypeError: a data version names a version that has no builder.
    """

    kind: type[Kind]
    versions: Mapping[int, Builder]
    invert: Callable[[Any, Any], int | None] | None = None

    def __post_init__(self) -> None:
        named = {version_of(data_version, self.kind.key) for data_version in VERSIONS}
        if lost := named - self.versions.keys():
            raise TypeError(f"{self.kind.__name__} has no builder of its version {min(lost)}")
