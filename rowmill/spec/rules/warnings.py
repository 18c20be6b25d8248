"""What a valid manifest says that will probably surprise: warnings, which refuse nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rowmill.spec.dataset import Column, Spec, Table
from rowmill.spec.inference import is_passed_over
from rowmill.spec.paths import Path, path_of, path_text, shown
from rowmill.spec.problems import Problem
from rowmill.spec.versions import VERSIONS

Found = Iterator[tuple[Path, str]]


def manifest_warnings(spec: Spec) -> tuple[Problem, ...]:
    """All warnings of a spec, each with its path and what would be better, as problems have them.

    They are no part of the spec: neither its digest nor a run depends on them.
    """
    found = (each for rule in RULES for each in rule(spec))
    return tuple(Problem(path_text(path), message) for path, message in found)


def _tables_alike(spec: Spec) -> Found:
    """Tables that catalogs and some file systems take for one."""
    if spec.parquet is None:
        return
    for group in _alike([table.name for table in spec.dataset.tables]):
        names = [spec.dataset.tables[position].name for position in group]
        yield (
            ("spec", "tables", group[1], "name"),
            f"{_listed(names)} differ in case only, and Hive, Glue and file systems that ignore "
            "case take them for one table; give them names that differ otherwise",
        )


def _columns_alike(spec: Spec) -> Found:
    """Columns of one table that readers of Parquet take for one."""
    if spec.parquet is None:
        return
    for number, table in enumerate(spec.dataset.tables):
        for group in _alike([column.name for column in table.columns]):
            names = [table.columns[position].name for position in group]
            yield (
                ("spec", "tables", number, "columns", group[1], "name"),
                f"{_listed(names)} differ in case only, and Spark, Hive, Athena, DuckDB and "
                "Iceberg ignore case: they refuse the Parquet objects, rename or mix columns up; "
                "give them names that differ otherwise",
            )


def _sizes(spec: Spec) -> Found:
    """Rows and entries of keys and indexes that may be too large for a page of Postgres."""
    return ((path_of(each.path), each.message) for each in spec.surprises)


def _unguessed(spec: Spec) -> Found:
    """Columns without `generate` that would be filled by their names, were they not unique."""
    for path in map(path_of, spec.unguessed):
        _, _, table, _, number = path
        made = spec.dataset.tables[int(table)]
        column = made.columns[int(number)]
        later = _guessing(column, made, spec)
        yield (
            path,
            f"its values come from its type, {column.type}, not from its name, because it is "
            "unique and those of the name would repeat; say by `generate` what else to make"
            + ("" if later is None else f", or `dataVersion: {later}`, which has enough for it"),
        )


def _guessing(column: Column, table: Table, spec: Spec) -> int | None:
    """The first later data version that fills a column by its name; None if none does."""
    dataset = spec.dataset
    later = (version for version in sorted(VERSIONS) if version > dataset.data_version)
    about = (column.name, column.type, dataset.locale, table.rows)
    return next((each for each in later if not is_passed_over(*about, each)), None)


# In the order in which they are told. A warning of another kind is a rule of its own here.
RULES: tuple[Callable[[Spec], Found], ...] = (_tables_alike, _columns_alike, _sizes, _unguessed)


def _alike(names: Sequence[str]) -> list[list[int]]:
    """The positions of names that are one without regard to case, several in a group."""
    groups: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        groups.setdefault(name.lower(), []).append(position)
    return [group for group in groups.values() if len(group) > 1]


def _listed(names: Sequence[str]) -> str:
    *first, last = map(shown, names)
    return f"{', '.join(first)} and {last}"
