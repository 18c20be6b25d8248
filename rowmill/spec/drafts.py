"""Drafts: the tables and columns of a manifest on their way to the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from rowmill.counting import counted
from rowmill.spec.dataset import Link
from rowmill.spec.doubts import NO_DOUBTS, Doubts
from rowmill.spec.kind.base import Kind, Source
from rowmill.spec.manifest.experiment import ColumnSpec, Experiment, TableSpec
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report, nearest
from rowmill.spec.values.types import ColumnType, TypeName

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
    Of one that is not `named` nobody can say what its name will be.
    """

    spec: ColumnSpec
    path: Path
    table: Draft
    wants_unique: Path | None = None
    link: str | None = None
    kind: Kind | None = None
    nullable: bool = False
    named: bool = True

    def doubtful(self, field: str) -> bool:
        """Whether what a field of the column says is unknown."""
        return self.table.doubts.about((*self.path, field))

    @property
    def uniqueness_known(self) -> bool:
        """Whether it is known if the manifest demands that the column is unique."""
        return self.table.keys_known and not self.doubtful("unique")

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def type(self) -> ColumnType:
        return self.spec.type


@dataclass(eq=False)
class Draft:
    """One table. `parent` and `mean` are those of `rowsPer`, whose link is `per_link`.

    `links` are by name, `link_paths` where the manifest has them. `columns` are those that their
    names tell, `every` is all of them. `open`: it may have columns of other names than are known.
    `keys` are the keys without a problem; `keys_known`: no others are listed. `link_lost`: a
    foreign key names columns that are none.
    """

    spec: TableSpec
    path: Path
    doubts: Doubts = NO_DOUBTS
    columns: dict[str, ColumnDraft] = field(default_factory=dict)
    every: list[ColumnDraft] = field(default_factory=list)
    open: bool = False
    keys: list[tuple[tuple[str, ...], Path]] = field(default_factory=list)
    keys_known: bool = True
    link_lost: bool = False
    links: dict[str, Link] = field(default_factory=dict)
    link_paths: dict[str, Path] = field(default_factory=dict)
    rows: int | None = None
    parent: Draft | None = None
    mean: Fraction | None = None
    per_link: str | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    def doubtful(self, *steps: str | int) -> bool:
        """Whether what a field of the table says is unknown."""
        return self.doubts.about((*self.path, *steps))

    def all_keys(self) -> Iterator[tuple[tuple[str, ...], Path]]:
        """Every key that the manifest names, the primary key first, with its path."""
        if self.spec.primary_key:
            yield self.spec.primary_key, (*self.path, "primaryKey")
        for i, key in enumerate(self.spec.unique):
            if not self.doubtful("unique", i):
                yield key, (*self.path, "unique", i)

    @property
    def keys_as_sets(self) -> set[frozenset[str]]:
        """Every set of columns of which the manifest says that it is unique."""
        alone = {frozenset([c.name]) for c in self.columns.values() if c.spec.unique}
        return alone | {frozenset(key) for key, _ in self.all_keys()}

    @property
    def per_hidden(self) -> bool:
        """Whether it has a `rowsPer` of which the link is not known."""
        return self.doubtful("rowsPer") or (
            self.spec.rows_per is not None and self.per_link is None
        )

    @property
    def links_hidden(self) -> bool:
        """Whether some foreign key's own columns are not known."""
        keys = range(len(self.spec.foreign_keys))
        doubtful = (self.doubtful("foreignKeys", i) for i in keys)
        return self.link_lost or self.doubtful("foreignKeys") or any(doubtful)

    @property
    def one_child(self) -> bool:
        """Whether each parent of the `rowsPer` link has at most one child."""
        return self.spec.rows_per is not None and self.spec.rows_per.max <= 1


@dataclass(eq=False)
class Drafts:
    """All tables in the manifest's order; `by_name` those that their names tell.

    `open`: there may be tables of other names than are known.
    """

    tables: list[Draft]
    by_name: dict[str, Draft]
    open: bool = False


def source_column(column: ColumnDraft, source: Source, drafts: Drafts) -> ColumnDraft:
    """The column that another is computed from, of its own table or of the link's parent."""
    table = column.table
    if source.via is not None:
        table = drafts.by_name[table.links[source.via].parent]
    return table.columns[source.column]


def draft_tables(experiment: Experiment, report: Report) -> Drafts:
    """Drafts of all tables, with the problems of names, row counts and lists of columns."""
    drafts = Drafts([], {}, report.doubts.about(("spec", "tables")))
    specs = experiment.spec.tables
    known = Counter(
        spec.name
        for i, spec in enumerate(specs)
        if not report.doubts.about(("spec", "tables", i, "name"))
    )
    seen: set[str] = set()
    for i, spec in enumerate(specs):
        draft = Draft(spec, ("spec", "tables", i), report.doubts)
        drafts.tables.append(draft)
        if spec.name == RESERVED_TABLE:
            report.add(
                (*draft.path, "name"),
                f"{shown(RESERVED_TABLE)} is Rowmill's own; use another name",
            )
        named = not draft.doubtful("name")
        if named and spec.name in seen:
            report.add(
                (*draft.path, "name"),
                f"a table {shown(spec.name)} is there already; use a name of its own",
            )
        if named:
            seen.add(spec.name)
        if named and known[spec.name] == 1:
            drafts.by_name[spec.name] = draft
        else:
            drafts.open = True
        _draft_columns(draft, report)
        if experiment.spec.destinations.postgres is not None:
            _check_postgres_columns(draft, report)
        _check_rows(draft, report)
        _check_keys(draft, report)
    return drafts


def _draft_columns(draft: Draft, report: Report) -> None:
    every = [
        ColumnDraft(spec, (*draft.path, "columns", i), draft)
        for i, spec in enumerate(draft.spec.columns)
    ]
    known = Counter(column.name for column in every if not column.doubtful("name"))
    seen: set[str] = set()
    for column in every:
        named = not column.doubtful("name")
        if named and column.name in seen:
            report.add(
                (*column.path, "name"),
                f"a column {shown(column.name)} is there already; use a name of its own",
            )
        if named:
            seen.add(column.name)
        # Of two with one name either may be the one that others mean.
        column.named = named and known[column.name] == 1
        if column.named:
            draft.columns[column.name] = column
        if column.spec.unique:
            column.wants_unique = (*column.path, "unique")
    draft.every = every
    draft.open = len(draft.columns) < len(every)


def _check_postgres_columns(draft: Draft, report: Report) -> None:
    if draft.doubts.about(("spec", "destinations", "postgres")):
        return
    for column in draft.every:
        if column.name in POSTGRES_COLUMNS:
            report.add(
                (*column.path, "name"),
                f"{shown(column.name)} is Postgres's own in every table; use another name",
            )
    if len(draft.spec.columns) > POSTGRES_MOST_COLUMNS:
        report.add(
            (*draft.path, "columns"),
            f"{counted(len(draft.spec.columns), 'column')} are more than the "
            f"{POSTGRES_MOST_COLUMNS:,} that a table of Postgres can have; "
            "use several tables",
        )


def _check_rows(draft: Draft, report: Report) -> None:
    spec = draft.spec
    hidden = draft.doubtful("rows") or draft.doubtful("rowsPer")
    if spec.rows is None and spec.rows_per is None and not hidden:
        report.add(draft.path, "has no row count; use `rows` or `rowsPer`")
    if spec.rows is not None and spec.rows_per is not None:
        report.add((*draft.path, "rowsPer"), "is beside `rows`; use exactly one of the two")
    if spec.rows_per is not None and not spec.scales:
        report.add(
            (*draft.path, "scales"),
            "a table with `rowsPer` scales with its parent; leave it out",
        )


def _check_keys(draft: Draft, report: Report) -> None:
    seen: set[frozenset[str]] = set()
    sound = True
    for key, path in draft.all_keys():
        fine = _check_names(draft, key, path, report)
        sound &= fine
        if frozenset(key) in seen:
            report.add(path, "is a key that is there already; expected each key once")
        elif fine:
            draft.keys.append((key, path))
        seen.add(frozenset(key))
        _check_comparable(draft, key, path, report)
    for key, path in draft.keys:
        if len(key) == 1 and key[0] in draft.columns:
            column = draft.columns[key[0]]
            column.wants_unique = column.wants_unique or path
    lists = [("primaryKey",), *(("unique", i) for i in range(len(draft.spec.unique)))]
    hidden = any(draft.doubtful(*steps) for steps in lists) or draft.doubtful("unique")
    draft.keys_known = sound and not hidden
    for column in draft.columns.values():
        if column.spec.unique:
            _check_comparable(draft, (column.name,), (*column.path, "unique"), report)
    _check_indexes(draft, report)


def _check_indexes(draft: Draft, report: Report) -> None:
    indexes: set[tuple[str, ...]] = set()
    for i, index in enumerate(draft.spec.indexes):
        path = (*draft.path, "indexes", i)
        _check_names(draft, index, path, report)
        if index in indexes:
            report.add(path, "is an index that is there already; expected each once")
        indexes.add(index)
        _check_comparable(draft, index, path, report)


def _check_names(draft: Draft, names: tuple[str, ...], path: Path, report: Report) -> bool:
    """Whether the names are columns of the table, each once, as far as they are known."""
    fine = len(names) <= 32
    for i, name in enumerate(names):
        if name in names[:i]:
            fine = False
            report.add((*path, i), f"names {shown(name)} twice; expected each column once")
        elif name not in draft.columns:
            fine = False
            report_column(draft, name, (*path, i), report)
    if len(names) > 32:
        has = counted(len(names), "column")
        report.add(path, f"has {has}; expected at most 32, as in Postgres")
    return fine


def report_column(draft: Draft, name: str, path: Path, report: Report) -> None:
    """Say that a table has no column of this name, if all its names are known."""
    if not draft.open:
        report.add(
            path,
            f"table {shown(draft.name)} has no column {shown(name)}; "
            f"{nearest(name, draft.columns)}",
        )


def _check_comparable(draft: Draft, names: tuple[str, ...], path: Path, report: Report) -> None:
    for name in names:
        column = draft.columns.get(name)
        if column is not None and column.type.name is TypeName.JSON:
            report.add(
                path,
                f"{shown(name)} is json, which Postgres cannot compare; use jsonb",
            )
