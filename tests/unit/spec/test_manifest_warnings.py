"""What a valid manifest is warned of, each with the path of what to change."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rowmill.spec.load import load_spec
from rowmill.spec.manifest_warnings import manifest_warnings

PARQUET = {"parquet": {"bucket": "lake"}}


def warned(
    tables: Sequence[tuple[str, Sequence[str]]], destinations: dict[str, object] = PARQUET
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
