"""Every step from a typed manifest to the dataset that it means, in order."""

from __future__ import annotations

from decimal import Decimal

from rowmill.spec.dataset import ChildrenPer, Column, Dataset, Table
from rowmill.spec.doubts import NO_DOUBTS, Doubts
from rowmill.spec.drafts import ColumnDraft, Draft, Drafts, draft_tables
from rowmill.spec.faker.providers import locales
from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.paths import Path, path_text, shown
from rowmill.spec.problems import InvalidManifest, Problem
from rowmill.spec.reading.cells import read_cells
from rowmill.spec.references import link_tables
from rowmill.spec.report import Report, nearest
from rowmill.spec.rules.children import choose_parents
from rowmill.spec.rules.column_graph import order_columns, spread_nulls
from rowmill.spec.rules.delays import check_ends
from rowmill.spec.rules.keys import settle_keys
from rowmill.spec.rules.scaling import count_rows
from rowmill.spec.rules.texts import Texts
from rowmill.spec.rules.uniqueness import check_uniqueness
from rowmill.spec.sizes.rows import check_sizes
from rowmill.spec.versions import VERSIONS


def resolve(
    experiment: Experiment,
    scale: Decimal,
    seed: int,
    data_version: int,
    doubts: Doubts = NO_DOUBTS,
) -> tuple[Dataset, tuple[Problem, ...]]:
    """The dataset of an experiment, by its own tables and the given scale, seed and data version.

    With it comes what may fail in Postgres, though it need not. With `doubts` there is neither:
    what is wrong beside them is raised, and else nothing is known.

    Raises:
        InvalidManifest: with all problems, in document order.
    """
    report = Report(experiment, doubts)
    known = locales(data_version)
    _check_settings(experiment, known, report)
    drafts = draft_tables(experiment, report)
    link_tables(drafts, report)
    choose_parents(drafts, report)
    count_rows(drafts, scale, report)
    read_cells(drafts, _locale(experiment, known, report), data_version, report)
    ordered = order_columns(drafts, report)
    spread_nulls(ordered, drafts, report)
    texts = Texts(ordered, drafts, data_version)
    texts.check_lengths(ordered, report)
    check_ends(ordered, drafts, report)
    check_uniqueness(drafts, texts, settle_keys(drafts, texts, report), report)
    surprises = _check_sizes(experiment, ordered, drafts, texts, report)
    report.raise_any()
    if doubts.paths:
        raise InvalidManifest([])
    dataset = Dataset(
        seed=seed,
        locale=experiment.spec.locale,
        data_version=data_version,
        tables=tuple(_table(draft) for draft in drafts.tables),
    )
    return dataset, tuple(Problem(path_text(path), message) for path, message in surprises)


def _check_sizes(
    experiment: Experiment,
    ordered: list[ColumnDraft],
    drafts: Drafts,
    texts: Texts,
    report: Report,
) -> list[tuple[Path, str]]:
    postgres = experiment.spec.destinations.postgres
    path = ("spec", "destinations", "postgres", "constraints")
    if postgres is None or report.doubts.about(path):
        return []
    return list(check_sizes(ordered, drafts, texts, postgres.constraints, report))


def _locale(experiment: Experiment, known: frozenset[str], report: Report) -> str | None:
    """The experiment's locale, None if it is not known which it will be."""
    sure = experiment.spec.locale in known and not report.doubts.about(("spec", "locale"))
    return experiment.spec.locale if sure else None


def _check_settings(experiment: Experiment, known_locales: frozenset[str], report: Report) -> None:
    spec = experiment.spec
    if spec.data_version not in (None, *VERSIONS):
        known = " or ".join(map(str, VERSIONS))
        report.add(
            ("spec", "dataVersion"),
            f"this release has no data version {spec.data_version}; use {known}",
        )
    if spec.locale not in known_locales:
        report.add(
            ("spec", "locale"),
            f"{shown(spec.locale)} is no known locale; "
            f"{nearest(spec.locale, sorted(known_locales))}",
        )


def _table(draft: Draft) -> Table:
    assert draft.rows is not None
    return Table(
        name=draft.name,
        rows=draft.rows,
        columns=tuple(_column(column) for column in draft.columns.values()),
        links=tuple(draft.links.values()),
        children=_children(draft),
        primary_key=tuple(draft.spec.primary_key or ()),
        unique=_unique_keys(draft),
        indexes=tuple(tuple(index) for index in draft.spec.indexes),
    )


def _column(column: ColumnDraft) -> Column:
    assert column.kind is not None
    return Column(
        name=column.name,
        type=column.type,
        kind=column.kind,
        nulls=float(column.spec.nulls),
        nullable=column.nullable,
        unique=column.wants_unique is not None,
    )


def _children(draft: Draft) -> ChildrenPer | None:
    per = draft.spec.rows_per
    if per is None:
        return None
    assert draft.per_link is not None
    assert draft.mean is not None
    return ChildrenPer(draft.per_link, draft.mean, per.min, per.max)


def _unique_keys(draft: Draft) -> tuple[tuple[str, ...], ...]:
    """The keys beside the primary key: those that are listed, then columns that are `unique`."""
    named = [tuple(key) for key in draft.spec.unique]
    named += [(column.name,) for column in draft.columns.values() if column.spec.unique]
    keys = {frozenset(key): key for key in reversed(named)}
    keys.pop(frozenset(draft.spec.primary_key or ()), None)
    return tuple(dict.fromkeys(key for key in named if keys.get(frozenset(key)) == key))
