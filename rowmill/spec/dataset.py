"""The dataset: what a valid manifest resolves to, plain data from which every cell follows.

`generate`, `plan` and `destinations` read this and never the manifest. Everything is already
scaled, defaulted, typed and checked: whoever holds a `Dataset` can make every row of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

from rowmill.counting import counted
from rowmill.near_names import near_name
from rowmill.spec.kind.base import Kind
from rowmill.spec.problems import Problem
from rowmill.spec.values.types import ColumnType


@dataclass(frozen=True)
class PickUniform:
    """Any parent row, each as likely."""

    key: ClassVar[str] = "pick.uniform"


@dataclass(frozen=True)
class PickZipf:
    """Parent ranks by Zipf's law, scattered over the rows by a permutation."""

    key: ClassVar[str] = "pick.zipf"

    exponent: float


@dataclass(frozen=True)
class PickOneToOne:
    """Each parent at most once: row i takes the i-th of the parents' rows, permuted."""

    key: ClassVar[str] = "pick.oneToOne"


@dataclass(frozen=True)
class PickTree:
    """A self-reference: the first `roots` rows have none, row i one of the rows before it."""

    key: ClassVar[str] = "pick.tree"

    roots: int


@dataclass(frozen=True)
class PickChildren:
    """The `rowsPer` link: row -> parent by the table's exact children counts."""

    key: ClassVar[str] = "pick.children"


@dataclass(frozen=True)
class PickProduct:
    """A junction key: the permuted product of the parents' rows of `links`; this is one of them.

    `links` are the names of all links of the key, in the key's order.
    """

    key: ClassVar[str] = "pick.product"

    links: tuple[str, ...]


@dataclass(frozen=True)
class PickDistinct:
    """Beside the `rowsPer` link: the ordinal-th image of a permutation keyed by the parent."""

    key: ClassVar[str] = "pick.distinct"


Pick = PickUniform | PickZipf | PickOneToOne | PickTree | PickChildren | PickProduct | PickDistinct


@dataclass(frozen=True)
class Link:
    """One reference, of one column or several: which parent row a row belongs to.

    `name` is the column's name, of a composite link its columns joined by a comma. `nulls` is the
    share of rows without a parent (all of the link's columns are null together).
    """

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    pick: Pick
    nulls: float


@dataclass(frozen=True)
class ChildrenPer:
    """`rowsPer`: each parent has [min, max] children, all together exactly the table's `rows`.

    That is parent rows x mean, rounded half to even.
    """

    link: str
    mean: Fraction
    min: int
    max: int


@dataclass(frozen=True)
class Column:
    """One column. `nulls` is the share of cells made null here; `nullable` says whether any can be.

    `unique` asks the kind for values that never repeat over the table's rows (a permutation of its
    domain); kinds that are unique by construction may ignore it.
    """

    name: str
    type: ColumnType
    kind: Kind
    nulls: float
    nullable: bool
    unique: bool


@dataclass(frozen=True)
class Table:
    """One table. `unique` holds keys (tuples of column names) beside the primary key."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    links: tuple[Link, ...]
    children: ChildrenPer | None
    primary_key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...]
    indexes: tuple[tuple[str, ...], ...]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: there is none; it says which was meant, or which there are.
        """
        if name not in self.by_name:
            near = near_name(name, self.by_name)
            meant = (
                f"did you mean {near!r}?" if near else f"its columns are {', '.join(self.by_name)}"
            )
            raise KeyError(f"table {self.name!r} has no column {name!r}; {meant}")
        return self.by_name[name]

    def link(self, name: str) -> Link:
        return next(link for link in self.links if link.name == name)


@dataclass(frozen=True)
class Dataset:
    """All tables in the manifest's order, and what every cell's key is derived from."""

    seed: int
    locale: str
    data_version: int
    tables: tuple[Table, ...]

    def __repr__(self) -> str:
        rows = sum(table.rows for table in self.tables)
        return f"<Dataset: {', '.join(self.by_name)}; {counted(rows, 'row')}>"

    @cached_property
    def by_name(self) -> dict[str, Table]:
        return {t.name: t for t in self.tables}

    def table(self, name: str) -> Table:
        """The table of that name.

        Raises:
            KeyError: there is none; it says which was meant, or which there are.
        """
        if name not in self.by_name:
            near = near_name(name, self.by_name)
            meant = (
                f"did you mean {near!r}?" if near else f"the tables are {', '.join(self.by_name)}"
            )
            raise KeyError(f"there is no table {name!r}; {meant}")
        return self.by_name[name]


class ParquetTypes(StrEnum):
    """What cells are in Parquet: what every reader opens, or the closest logical types."""

    PORTABLE = "portable"
    NATIVE = "native"


@dataclass(frozen=True)
class ParquetTarget:
    """Where the Parquet objects go; `prefix` ends in `/`.

    No endpoint, secret or ambient identity means the engine's default server: `embedded`.
    """

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None
    secret_name: str | None
    ambient: bool
    compression: str
    types: ParquetTypes
    replace: bool

    @property
    def embedded(self) -> bool:
        return self.endpoint is None and self.secret_name is None and not self.ambient


@dataclass(frozen=True)
class PostgresTarget:
    """Where the tables go. `constraints` is all, keys or none."""

    schema: str
    ledger_schema: str
    secret_name: str | None
    ambient: bool
    constraints: str
    replace: bool

    @property
    def embedded(self) -> bool:
        return self.secret_name is None and not self.ambient


@dataclass(frozen=True)
class Resolved:
    """What a manifest comes to under one data version.

    `surprises` are what may fail in Postgres, `unguessed` the paths of columns that would be filled
    by their names, were they not unique.
    """

    dataset: Dataset
    surprises: tuple[Problem, ...]
    unguessed: tuple[str, ...]


@dataclass(frozen=True)
class Spec:
    """A whole valid experiment: identity, dataset, destinations and how to run it.

    `digest` is `sha256:HEX` over what defines the result; `pins_data_version` says that the
    manifest names one, else the last run's holds; `suspended` asks for no run to begin. None for
    `parallelism`, `batch_rows` and `memory_limit` (bytes) means the engine's default; the last
    `run_history_limit` runs are kept. `dataset`, `surprises` and `unguessed` are those of one data
    version; `resolve_again` finds those of another, from the manifest; `for_workers` has none.
    """

    name: str
    namespace: str
    digest: str
    rerun: str
    dataset: Dataset
    pins_data_version: bool
    parquet: ParquetTarget | None
    postgres: PostgresTarget | None
    parallelism: int | None
    batch_rows: int | None
    memory_limit: int | None
    retries_per_shard: int
    run_history_limit: int
    verify_after_run: bool
    suspended: bool
    surprises: tuple[Problem, ...]
    unguessed: tuple[str, ...]
    resolve_again: Callable[[int], Resolved] | None = field(compare=False)

    def __repr__(self) -> str:
        return f"<Spec {self.name}: {self.dataset!r}>"

    @property
    def parquet_types(self) -> ParquetTypes:
        """What a new run writes; without Parquet it makes no difference."""
        return self.parquet.types if self.parquet is not None else ParquetTypes.PORTABLE

    @property
    def data_version(self) -> int:
        """The data version that it is of."""
        return self.dataset.data_version

    def at(self, data_version: int) -> Spec:
        """The same spec by another data version: what it leaves out may be filled otherwise.

        Raises:
            InvalidManifest: the manifest is not valid by that version, or this release lacks it.
        """
        if data_version == self.data_version:
            return self
        if self.resolve_again is None:
            raise ValueError(
                f"a worker's spec of data version {self.data_version} cannot be resolved by "
                f"{data_version}"
            )
        found = self.resolve_again(data_version)
        return replace(
            self,
            dataset=found.dataset,
            surprises=found.surprises,
            unguessed=found.unguessed,
        )

    def for_looks(self) -> Spec:
        """The same without its tables: who it is and where its data goes lead to its runs."""
        empty = replace(self.dataset, tables=())
        return replace(self, dataset=empty, surprises=(), unguessed=(), resolve_again=None)

    def for_workers(self) -> Spec:
        """The same without the manifest, which costs who imports and holds it 0.3 s and 11 MB."""
        return replace(self, resolve_again=None)
