"""Data version 2, from the manifest into both stores: taken where it is named, kept by its runs."""

from __future__ import annotations

import pytest

import rowmill
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from tests.integration.cli.commands import Commands
from tests.integration.experiments import Connection, Manifest, manifest

PEOPLE: Manifest = {
    "name": "people",
    "rows": 1_500,
    "primaryKey": ["id"],
    "columns": [
        {"name": "id", "type": "bigint", "generate": {"sequence": {"start": 1}}},
        {"name": "name", "type": "text", "generate": {"faker": {"provider": "name"}}},
        {"name": "token", "type": "text", "generate": {"pattern": "[a-z]{10,40}"}},
        {
            "name": "mail",
            "type": "varchar(76)",
            "unique": True,
            "generate": {"template": "{name|slug}.{id}@example.com"},
        },
        {"name": "sku", "type": "text", "unique": True},
    ],
}
LINES = {
    "name": "lines",
    "rowsPer": {"table": "people", "mean": 2, "max": 12},
    "unique": [["person", "sku"]],
    "columns": [
        {"name": "person", "type": "bigint", "references": {"table": "people", "column": "id"}},
        {"name": "line", "type": "smallint", "generate": {"ordinal": {}}},
        {"name": "sku", "type": "text", "generate": {"template": "SKU-{line}"}},
    ],
}


def test_a_run_of_version_2_is_loaded_verified_and_kept(
    name: str, commands: Commands, database: Connection, home: Home
) -> None:
    tables = [PEOPLE, LINES]
    content = manifest(name, tables=tables, locale="fa_IR", dataVersion=2)
    done = commands("run", "-f", commands.file(content), "-o", "json")
    assert (done.code, done.json["dataVersion"]) == (0, 2)
    assert commands("verify", name).code == 0
    lengths = database.execute(
        f'SELECT count(DISTINCT length(token)) FROM "{name}".people'
    ).fetchone()
    longest = database.execute(
        f"SELECT max(position('@' in mail)) - 1 FROM \"{name}\".people"
    ).fetchone()
    assert (lengths, longest) == ((31,), (64,))
    # Without a name it is that of the last run, as this machine remembers before any server is
    # asked: the address alone is one that version 1 refuses.
    unnamed = commands.file(manifest(name, tables=tables, locale="fa_IR"))
    assert commands("validate", "-f", unnamed).code == 0
    assert commands("plan", "-f", unnamed, "-o", "json").json["dataVersion"] == 2
    shown = commands("preview", "-f", unnamed, "-t", "people", "-n", "9", "-o", "json").json
    stored = database.execute(
        f'SELECT id, name, token, mail, sku FROM "{name}".people ORDER BY id LIMIT 9'
    ).fetchall()
    assert [tuple(row.values()) for row in shown["people"]] == stored
    by_python = rowmill.load(unnamed)
    assert by_python.table("people", 0, 9).to_pylist() == shown["people"]
    assert by_python.run().repeat
    assert commands("run", "-f", unnamed, "-o", "json").json["repeat"]
    assert commands("verify", name).code == 0
    # And whatever else the manifest changes.
    wider = {**PEOPLE, "columns": [*PEOPLE["columns"][:3], PEOPLE["columns"][4]]}
    edited = commands.file(manifest(name, tables=[wider], locale="fa_IR"))
    assert commands("run", "-f", edited, "-o", "json").json["dataVersion"] == 2
    assert commands("verify", "-f", edited).code == 0
    unlike = database.execute(
        f"SELECT count(*) FROM \"{name}\".people WHERE sku !~ '^[A-Z]{{3}}-[0-9]{{5}}$'"
    ).fetchone()
    assert unlike == (0,)
    # The ledger knows better: another machine may have made the last run.
    remembered.keep_data_version(home, name, 1)
    again = commands("run", "-f", edited, "-o", "json").json
    assert (again["repeat"], again["dataVersion"]) == (True, 2)
    assert commands("plan", "-f", edited, "-o", "json").json["dataVersion"] == 2
    assert commands("delete", name, "--yes").code == 0
    assert commands("plan", "-f", edited, "-o", "json").json["dataVersion"] == 1


def test_a_run_by_python_is_remembered_too(name: str, commands: Commands, servers: object) -> None:
    column = {"name": "sku", "type": "text", "unique": True}
    tables = [{"name": "items", "rows": 10, "columns": [column]}]
    rowmill.load(commands.file(manifest(name, tables=tables, parquet=None, dataVersion=2))).run()
    unnamed = commands.file(manifest(name, tables=tables, parquet=None))
    assert rowmill.load(unnamed).spec.data_version == 2
    assert commands("plan", "-f", unnamed, "-o", "json").json["dataVersion"] == 2


def test_a_manifest_that_pins_another_version_is_not_what_is_published(
    name: str, commands: Commands, servers: object
) -> None:
    tables = [
        {
            "name": "items",
            "rows": 10,
            "primaryKey": ["id"],
            "columns": [{"name": "id", "type": "bigint"}, {"name": "sku", "type": "text"}],
        }
    ]

    content = manifest(name, tables=tables, parquet=None)
    unpinned = commands.file(content, "unpinned.yaml")
    content["spec"]["dataVersion"] = 1
    first = commands.file(content, "first.yaml")
    content["spec"]["dataVersion"] = 2
    second = commands.file(content, "second.yaml")
    assert commands("run", "-f", second).code == 0
    told = "run 1 was made by data version 2, this manifest pins 1: "
    for command in (("verify", "-f", first), ("trace", "-f", first, "items", "1")):
        refused = commands(*command, "-o", "json")
        assert (refused.code, refused.json["error"]["reason"]) == (2, "NothingPublished")
        assert told in refused.json["error"]["message"]
    with pytest.raises(rowmill.NothingPublished, match=told):
        rowmill.load(first).verify()
    for same in (second, unpinned):
        verified = commands("verify", "-f", same)
        assert verified.code == 0
        assert ", data version 2" in verified.out.splitlines()[0]
