"""`reset` and `delete` remove what the ledger knows, say what that was, and claim nothing else."""

import shutil
from collections.abc import Callable

import pytest
from psycopg import sql

from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands
from tests.integration.experiments import PEOPLE, Connection, Manifest, count, manifest

ONE = {**PEOPLE, "rows": 1}


@pytest.fixture
def published(
    name: str, commands: Commands, servers: EmbeddedServers
) -> Callable[..., tuple[str, Manifest]]:
    """Runs an experiment of one row by secrets of its own; the file and what is in it."""
    known = exports(servers)

    def run() -> tuple[str, Manifest]:
        content = manifest(
            name,
            tables=[ONE],
            postgres={"secretName": "warehouse", "ledgerSchema": f"{name}_ledger"},
            parquet={"secretName": "lake"},
        )
        file = commands.file(content)
        given = [commands.secret(secret, known) for secret in ("warehouse", "lake")]
        done = commands("run", "-f", file, "--progress=none", *given)
        assert done.code == 0, done.err
        return file, content

    return run


@pytest.mark.parametrize("command", ["reset", "delete"])
def test_a_database_that_does_not_know_the_experiment_is_no_success(
    name: str,
    commands: Commands,
    servers: EmbeddedServers,
    database: Connection,
    published: Callable[..., tuple[str, Manifest]],
    command: str,
) -> None:
    known = exports(servers)
    published()
    elsewhere = f"{name}_elsewhere"
    database.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(elsewhere)))
    commands.secret("warehouse", known | {"PGDATABASE": elsewhere})
    refused = commands(command, name, "--yes")
    assert refused.code == 2
    assert f"/{elsewhere} (ledger '{name}_ledger') does not know " in refused.err
    assert refused.out == ""
    assert count(database, name, "people") == 1
    # Nothing was made there either, no session is left, and the name is still known.
    database.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(elsewhere)))
    commands.secret("warehouse", known)
    assert "removed 1 table (1 row), 1 object" in commands(command, name, "--yes").out


def test_an_experiment_that_never_ran_is_not_deleted(name: str, commands: Commands) -> None:
    file = commands.file(manifest(name, tables=[ONE]))
    refused = commands("delete", "-f", file, "--yes")
    assert refused.code == 2
    assert " does not know " in refused.err
    assert f"/local/{name}: nothing was removed" in refused.err


def test_a_bucket_that_the_manifest_does_not_reach_is_named_as_left(
    name: str, commands: Commands, published: Callable[..., tuple[str, Manifest]]
) -> None:
    file, content = published()
    del content["spec"]["destinations"]["parquet"]
    file = commands.file(content)
    warehouse = f"--secret=warehouse={commands.folder / 'warehouse.env'}"
    deleted = commands("delete", "-f", file, warehouse, "--yes")
    assert deleted.code == 0
    assert "removed 1 table (1 row); left: what run 1 wrote to S3: it takes other" in deleted.out


def test_an_experiment_without_data_and_records_is_forgotten_by_its_name(
    name: str, commands: Commands, home: Home
) -> None:
    file = commands.file(_embedded(name))
    known = home.experiments / name
    assert commands("run", "-f", file, "--progress=none").code == 0
    shutil.copytree(known, commands.folder / "known")
    assert commands("delete", "-f", file, "--yes").code == 0
    shutil.copytree(commands.folder / "known", known)
    assert commands("reset", name, "--yes").code == 2
    assert commands("delete", "-f", file, "--yes").code == 2
    deleted = commands("delete", name, "--yes")
    assert (deleted.code, deleted.err) == (0, "")
    assert deleted.out == (
        f"{name} is forgotten here: the embedded servers have no record of it, "
        "and nothing was removed\n"
    )
    assert "no experiment" in commands("status", name).err


def test_an_experiment_of_another_engine_or_with_data_is_not_forgotten(
    name: str, commands: Commands, database: Connection
) -> None:
    file = commands.file(_embedded(name, parquet={}))
    assert commands("run", "-f", file, "--progress=none").code == 0
    refused = commands("delete", name, "--yes", env={"ROWMILL_ENGINE": "other"})
    assert (refused.code, "ROWMILL_ENGINE" in refused.err) == (2, True)
    database.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(f"{name}_ledger")))
    assert commands("delete", name, "--yes").code == 2


def test_a_memory_that_cannot_be_removed_is_told(name: str, commands: Commands, home: Home) -> None:
    file = commands.file(_embedded(name))
    assert commands("run", "-f", file, "--progress=none").code == 0
    # What is linked there is not removed, whoever asks.
    known = (home.experiments / name).rename(commands.folder / "known")
    (home.experiments / name).symlink_to(known)
    deleted = commands("delete", name, "--yes")
    (home.experiments / name).unlink()
    assert deleted.code == 0
    assert "removed 1 table (1 row)" in deleted.out
    assert f"rowmill: {home.experiments / name} cannot be removed" in deleted.err
    assert f"{name} is still known here" in deleted.err


def _embedded(name: str, parquet: Manifest | None = None) -> Manifest:
    ledger = {"ledgerSchema": f"{name}_ledger"}
    return manifest(name, tables=[ONE], postgres=ledger, parquet=parquet)
