"""What a valid manifest is warned of, each with the path of what to change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rowmill.spec.load import load_spec
from rowmill.spec.problems import Problem
from rowmill.spec.rules.warnings import manifest_warnings

PARQUET = {"parquet": {"bucket": "lake"}}


def warned(
    tables: Sequence[tuple[str, Sequence[str]]], destinations: Mapping[str, object] = PARQUET
) -> list[tuple[str, str]]:
    """Path and message of each warning of a manifest of these tables and their columns."""
    listed = [
        {"name": name, "rows": 1, "columns": [{"name": c, "type": "text"} for c in columns]}
        for name, columns in tables
    ]
    content = {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "shop"},
        "spec": {"tables": listed, "destinations": destinations},
    }
    spec = load_spec("test", text=json.dumps(content))
    return [(each.path, each.message) for each in manifest_warnings(spec)]


def test_columns_that_differ_in_case_only_are_warned_of_in_parquet() -> None:
    [(path, message)] = warned([("fine", ["a", "b"]), ("people", ["Name", "id", "name"])])
    assert path == "spec.tables[1].columns[2].name"
    assert message.startswith('"Name" and "name" differ in case only')
    assert message.endswith("; give them names that differ otherwise")


def test_without_parquet_there_is_no_warning() -> None:
    assert warned([("t", ["Name", "name"]), ("T", ["id"])], {"postgres": {}}) == []
    assert len(warned([("t", ["Name", "name"])], {"postgres": {}, **PARQUET})) == 1


def test_tables_that_differ_in_case_only_are_warned_of_too() -> None:
    [(path, message)] = warned([("Orders", ["id"]), ("people", ["id"]), ("orders", ["id"])])
    assert path == "spec.tables[2].name"
    assert message.startswith('"Orders" and "orders" differ in case only')


def test_three_that_collide_are_one_warning() -> None:
    [(path, message)] = warned([("t", ["NAME", "Name", "name"])])
    assert path == "spec.tables[0].columns[1].name"
    assert message.startswith('"NAME", "Name" and "name" differ in case only')
    assert len(warned([("t", ["A", "a", "B", "b"])])) == 2


def test_case_is_that_of_all_letters() -> None:
    assert len(warned([("t", ["ÄRGER", "ärger"])])) == 1
    # Readers put letters into lower case, which leaves this one as it is.
    assert warned([("t", ["STRASSE", "straße"])]) == []
    assert warned([("t", ["name", "name_", "names"]), ("u", ["NAME"])]) == []


def _passed_over(columns: str, table: str = "") -> list[str]:
    """The paths of the columns of which is warned that their names count for nothing."""
    return [each.path for each in _guesses(columns, table)]


def _guesses(columns: str, table: str = "", data_version: int = 1) -> Sequence[Problem]:
    spec = load_spec(
        "test",
        text="apiVersion: rowmill.dev/v1alpha1\nkind: Experiment\nmetadata: {name: shop}\n"
        f"spec:\n  dataVersion: {data_version}\n"
        "  destinations: {postgres: {}}\n  tables:\n"
        "    - {name: u, rows: 3, columns: [{name: id, type: int, unique: true}]}\n"
        f"    - {{name: t, rows: 3, {table} columns: [{columns}]}}\n",
    )
    found = manifest_warnings(spec)
    assert all("its values come from its type" in each.message for each in found)
    return found


def test_a_unique_column_that_is_not_filled_by_its_name_is_warned_of() -> None:
    name = "spec.tables[1].columns[0]"
    assert _passed_over("{name: state, type: text}") == []
    assert _passed_over("{name: state, type: text, unique: true}") == [name]
    assert _passed_over("{name: home_city, type: text}", "primaryKey: [home_city],") == [name]
    assert _passed_over("{name: year, type: int}", "unique: [[year]],") == [name]


def test_where_the_name_counts_or_never_would_there_is_no_warning() -> None:
    for column in (
        # Two rules that have values enough for a unique column.
        "{name: email, type: text, unique: true}",
        "{name: login, type: text, unique: true}",
        # No name that says anything, by this type.
        "{name: id, type: int, unique: true}",
        "{name: token, type: text, unique: true}",
        "{name: state, type: uuid, unique: true}",
        "{name: state, type: varchar(3), unique: true}",
        "{name: ip, type: inet, unique: true}",
        # Its values are those that the manifest names.
        "{name: state, type: text, unique: true, generate: {pattern: '[A-Z]{4}'}}",
        "{name: age, type: int, unique: true, references: "
        "{table: u, column: id, pick: {oneToOne: {}}}}",
        # A part of a key may repeat.
        "{name: state, type: text}, {name: id, type: int}",
    ):
        keys = "primaryKey: [state, id]," if "}, {" in column else ""
        assert _passed_over(column, keys) == [], column


def test_a_version_that_fills_it_by_its_name_is_named_as_a_way_out() -> None:
    sku, city = "{name: sku, type: text, unique: true}", "{name: city, type: text, unique: true}"
    [warning] = _guesses(sku)
    assert warning.message.endswith("or `dataVersion: 2`, which has enough for it")
    assert _guesses(sku, data_version=2) == ()
    for data_version in (1, 2):
        [warning] = _guesses(city, data_version=data_version)
        assert warning.message.endswith("say by `generate` what else to make")
