"""Drafts: the tables and columns of a manifest on their way to the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from rowmill.spec.dataset import Link
from rowmill.spec.kinds import Kind
from rowmill.spec.manifest import ColumnSpec, Experiment, TableSpec
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report, nearest
from rowmill.spec.types import ColumnType, TypeName

# The one table name that Rowmill's own objects need.
RESERVED_TABLE = "_rowmill"
# Every table of Postgres has these, quoted or not (its manual, "System Columns").
POSTGRES_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
# MaxHeapAttributeNumber of Postgres.
POSTGRES_MOST_COLUMNS = 1600


@dataclass(eq=False)
class ColumnDraft:
    """One column: `wants_unique` is where the manifest demands it, None if it does not.

    `link` names the reference that fills it; `kind` is None until known, or after a problem.
    """

    spec: ColumnSpec
    path: Path
    table: Draft
    wants_unique: Path | None = None
    link: str | None = None
    kind: Kind | None = None
    nullable: bool = False

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def type(self) -> ColumnType:
        return self.spec.type


@dataclass(eq=False)
class Draft:
    """One table. `parent` and `mean` are those of `rowsPer`, whose link is `per_link`.

    `links` are by name, `link_paths` where the manifest has them.
    """

    spec: TableSpec
    path: Path
    columns: dict[str, ColumnDraft] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    link_paths: dict[str, Path] = field(default_factory=dict)
    rows: int | None = None
    parent: Draft | None = None
    mean: Fraction | None = None
    per_link: str | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    def all_keys(self) -> Iterator[tuple[tuple[str, ...], Path]]:
        """Every key that the manifest names, the primary key first, with its path."""
        if self.spec.primary_key:
            yield self.spec.primary_key, (*self.path, "primaryKey")
        for i, key in enumerate(self.spec.unique):
            yield key, (*self.path, "unique", i)

    @property
    def keys_as_sets(self) -> set[frozenset[str]]:
        """Every set of columns of which the manifest says that it is unique."""
        alone = {frozenset([c.name]) for c in self.columns.values() if c.spec.unique}
        return alone | {frozenset(key) for key, _ in self.all_keys()}

    @property
    def one_child(self) -> bool:
        """Whether each parent of the `rowsPer` link has at most one child."""
        return self.spec.rows_per is not None and self.spec.rows_per.max <= 1


@dataclass(eq=False)
class Drafts:
    """All tables in the manifest's order; of two with one name `by_name` holds the first."""

    tables: list[Draft]
    by_name: dict[str, Draft]


def draft_tables(experiment: Experiment, report: Report) -> Drafts:
    """Drafts of all tables, with the problems of names, row counts and lists of columns."""
    drafts = Drafts([], {})
    for i, spec in enumerate(experiment.spec.tables):
        draft = Draft(spec, ("spec", "tables", i))
        drafts.tables.append(draft)
        if spec.name == RESERVED_TABLE:
            report.add(
                (*draft.path, "name"),
                f"{shown(RESERVED_TABLE)} is Rowmill's own; right would be another name",
            )
        if spec.name in drafts.by_name:
            report.add(
                (*draft.path, "name"),
                f"a table {shown(spec.name)} is there already; right would be a name of its own",
            )
        drafts.by_name.setdefault(spec.name, draft)
        _draft_columns(draft, report)
        if experiment.spec.destinations.postgres is not None:
            _check_postgres_columns(draft, report)
        _check_rows(draft, report)
        _check_keys(draft, report)
    return drafts


def _draft_columns(draft: Draft, report: Report) -> None:
    for i, spec in enumerate(draft.spec.columns):
        column = ColumnDraft(spec, (*draft.path, "columns", i), draft)
        if spec.name in draft.columns:
            report.add(
                (*column.path, "name"),
                f"a column {shown(spec.name)} is there already; right would be a name of its own",
            )
            continue
        draft.columns[spec.name] = column
        if spec.unique:
            column.wants_unique = (*column.path, "unique")


def _check_postgres_columns(draft: Draft, report: Report) -> None:
    for name in POSTGRES_COLUMNS & draft.columns.keys():
        report.add(
            (*draft.columns[name].path, "name"),
            f"{shown(name)} is Postgres's own in every table; right would be another name",
        )
    if len(draft.spec.columns) > POSTGRES_MOST_COLUMNS:
        report.add(
            (*draft.path, "columns"),
            f"{len(draft.spec.columns)} columns are more than the {POSTGRES_MOST_COLUMNS} that a "
            "table of Postgres can have; right would be several tables",
        )


def _check_rows(draft: Draft, report: Report) -> None:
    spec = draft.spec
    if spec.rows is None and spec.rows_per is None:
        report.add(draft.path, "has no row count; right would be `rows` or `rowsPer`")
    if spec.rows is not None and spec.rows_per is not None:
        report.add(
            (*draft.path, "rowsPer"), "is beside `rows`; right would be exactly one of the two"
        )
    if spec.rows_per is not None and not spec.scales:
        report.add(
            (*draft.path, "scales"),
            "a table with `rowsPer` scales with its parent; right would be to leave it out",
        )


def _check_keys(draft: Draft, report: Report) -> None:
    seen: dict[frozenset[str], Path] = {}
    for key, path in draft.all_keys():
        _check_names(draft, key, path, report)
        if len(key) == 1 and key[0] in draft.columns:
            column = draft.columns[key[0]]
            column.wants_unique = column.wants_unique or path
        if frozenset(key) in seen:
            report.add(path, "is a key that is there already; right would be each key once")
        seen[frozenset(key)] = path
        _check_comparable(draft, key, path, report)
    for column in draft.columns.values():
        if column.spec.unique:
            _check_comparable(draft, (column.name,), (*column.path, "unique"), report)
    indexes: set[tuple[str, ...]] = set()
    for i, index in enumerate(draft.spec.indexes):
        path = (*draft.path, "indexes", i)
        _check_names(draft, index, path, report)
        if index in indexes:
            report.add(path, "is an index that is there already; right would be each once")
        indexes.add(index)
        _check_comparable(draft, index, path, report)


def _check_names(draft: Draft, names: tuple[str, ...], path: Path, report: Report) -> None:
    for i, name in enumerate(names):
        if name not in draft.columns:
            report.add(
                (*path, i),
                f"table {shown(draft.name)} has no column {shown(name)}; "
                f"{nearest(name, draft.columns)}",
            )
        elif name in names[:i]:
            report.add((*path, i), f"names {shown(name)} twice; right would be each column once")
    if len(names) > 32:
        report.add(path, f"has {len(names)} columns; right would be at most 32, as in Postgres")


def _check_comparable(draft: Draft, names: tuple[str, ...], path: Path, report: Report) -> None:
    for name in names:
        column = draft.columns.get(name)
        if column is not None and column.type.name is TypeName.JSON:
            report.add(
                path,
                f"{shown(name)} is json, which Postgres cannot compare; right would be jsonb",
            )
