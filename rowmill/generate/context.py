"""A context: what the builder of a column's cells is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from rowmill.generate.draws.keys import derive_key
from rowmill.generate.frame import Cells
from rowmill.generate.pools.key import PoolKey
from rowmill.spec.dataset import Column, Dataset, Link, Table
from rowmill.spec.kind.base import Kind
from rowmill.spec.versions import version_of

Builder = Callable[["Context"], Cells]


@dataclass(frozen=True)
class Context:
    """One column of one table of a dataset; `pools` are those that the package doesn't ship.

    `build` builds the cells of the kinds inside a kind.
    """

    dataset: Dataset
    table: Table
    column: Column
    pools: Mapping[PoolKey, pa.Array] = field(default_factory=dict, compare=False)
    build: Builder = field(kw_only=True, compare=False)

    @property
    def rows(self) -> int:
        """How many rows the whole table has."""
        return self.table.rows

    @property
    def version(self) -> int:
        """The version of the column's kind."""
        return version_of(self.dataset.data_version, self.column.kind.key)

    def key(self, purpose: str) -> int:
        """The 64-bit key of one purpose of this column, for `bits`."""
        return derive_key(
            self.dataset.seed, self.table.name, self.column.name, purpose, self.version
        )

    def element(self, kind: Kind) -> Context:
        """The context of an array's elements: not null, not unique, with keys of their own."""
        column = replace(
            self.column,
            name=f"{self.column.name}[]",
            type=self.column.type.element,
            kind=kind,
            nulls=0.0,
            nullable=False,
            unique=False,
        )
        return replace(self, column=column)


def link_key(dataset: Dataset, table: Table, link: Link, purpose: str) -> int:
    """The 64-bit key of one purpose of a link."""
    version = version_of(dataset.data_version, link.pick.key)
    return derive_key(dataset.seed, table.name, link.name, purpose, version)
