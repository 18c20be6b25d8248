"""What a destination or the machine refuses: an exit code, one word for machines, a sentence."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands
from tests.integration.experiments import PEOPLE, Connection, count, manifest

# Recognisable, so that a leak would be found.
PASSWORD = "hunter2-of-the-tests"


@pytest.fixture
def known(servers: EmbeddedServers) -> dict[str, str]:
    return exports(servers)


@pytest.fixture
def role(database: Connection) -> Iterator[str]:
    """A role that may log in, and no more."""
    name = f"poor {uuid.uuid4().hex[:8]}"
    role = sql.Identifier(name)
    database.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, PASSWORD))
    yield name
    database.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))


POSTGRES = {"secretName": "warehouse"}


@pytest.mark.parametrize(
    ("changed", "code", "reason", "words"),
    [
        ({"PGPASSWORD": "wrong-" + PASSWORD}, 3, "CredentialsRefused", "PGUSER and PGPASSWORD"),
        ({"PGHOST": "no-such-host.invalid"}, 3, "HostUnknown", "Correct PGHOST"),
        ({"PGDATABASE": "no such database"}, 3, "DatabaseMissing", "correct PGDATABASE"),
        ({"PGHOST": ""}, 3, "SecretMissing", "holds no PGHOST"),
    ],
)
def test_a_postgres_that_cannot_be_used(
    name: str,
    commands: Commands,
    known: dict[str, str],
    changed: dict[str, str],
    code: int,
    reason: str,
    words: str,
    home: Home,
) -> None:
    file = commands.file(manifest(name, tables=[PEOPLE], postgres=POSTGRES, parquet=None))
    secret = commands.secret("warehouse", known | changed)
    done = commands("run", "-f", file, secret, "-o", "json")
    assert (done.code, done.json["error"]["reason"]) == (code, reason)
    assert words in done.err
    assert done.json["error"]["message"] in done.err
    assert PASSWORD not in done.out + done.err
    assert name not in remembered.folders(home), "nothing stays of what was refused"


def test_a_role_without_rights_is_told_the_grants_to_run(
    name: str, commands: Commands, known: dict[str, str], role: str
) -> None:
    file = commands.file(manifest(name, tables=[PEOPLE], postgres=POSTGRES, parquet=None))
    secret = commands.secret("warehouse", {**known, "PGUSER": role, "PGPASSWORD": PASSWORD})
    done = commands("run", "-f", file, secret)
    assert done.code == 3
    assert "run as an administrator\nGRANT " in done.err


def test_a_missing_bucket_and_wrong_keys_are_told_apart(
    name: str, commands: Commands, known: dict[str, str]
) -> None:
    lake = {"secretName": "lake", "bucket": f"no-{name}"}
    file = commands.file(manifest(name, tables=[PEOPLE], postgres=None, parquet=lake))
    missing = commands("run", "-f", file, commands.secret("lake", known), "-o", "json")
    assert (missing.code, missing.json["error"]["reason"]) == (3, "BucketMissing")
    assert f"no-{name}" in missing.err
    wrong = known | {"AWS_SECRET_ACCESS_KEY": PASSWORD}
    refused = commands("run", "-f", file, commands.secret("lake", wrong), "-o", "json")
    assert (refused.code, refused.json["error"]["reason"]) == (3, "CredentialsRefused")
    assert PASSWORD not in refused.out + refused.err


def test_a_table_that_is_not_ours_stays(
    name: str, commands: Commands, database: Connection
) -> None:
    database.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    database.execute(sql.SQL("CREATE TABLE {} (a int)").format(sql.Identifier(name, "people")))
    tables = [{**PEOPLE, "rows": 10}]
    done = commands("run", "-f", commands.file(manifest(name, tables=tables, parquet=None)))
    assert done.code == 3
    assert "is a table that is not this experiment's" in done.err
    assert "ifExists: replace" in done.err
    assert count(database, name, "people") == 0
    replacing = manifest(name, tables=tables, parquet=None, postgres={"ifExists": "replace"})
    assert commands("run", "-f", commands.file(replacing)).code == 0
    assert count(database, name, "people") == 10


def test_another_owners_targets_are_taken_over_by_the_very_line_that_the_refusal_gives(
    name: str, commands: Commands, database: Connection
) -> None:
    file = commands.file(manifest(name, tables=[{**PEOPLE, "rows": 10}]))
    assert commands("run", "-f", file, env={"ROWMILL_ENGINE": "them"}).code == 0
    # Reading needs no ownership.
    status = commands("status", "-f", file, "-o", "json", env={"ROWMILL_ENGINE": "us"})
    assert (status.code, status.json["state"]) == (0, "COMPLETED")
    for word in ("suspend", "abort"):
        refused = commands(word, "-f", file, env={"ROWMILL_ENGINE": "us"})
        said = f"rowmill: there is no run to {word}: it has no runs yet\n"
        assert (refused.code, refused.err) == (2, said)
    done = commands("run", "-f", file, env={"ROWMILL_ENGINE": "us"})
    assert done.code == 3
    [line] = [each for each in done.err.splitlines() if each.startswith("--adopt")]
    assert line == f"--adopt them/local/{name}"
    assert commands("run", "-f", file, *line.split(), env={"ROWMILL_ENGINE": "us"}).code == 0
    assert commands("run", "-f", file, env={"ROWMILL_ENGINE": "them"}).code == 3
    assert count(database, name, "people") == 10


def test_secrets_are_files_of_the_manifest_and_never_shown(
    name: str, commands: Commands, tmp_path: Path
) -> None:
    file = commands.file(manifest(name, postgres=POSTGRES, parquet=None))
    missing = commands("run", "-f", file, f"--secret=warehouse={tmp_path}/none", "-o", "json")
    assert (missing.code, missing.json["error"]["reason"]) == (3, "SecretMissing")
    nowhere = commands("run", file, env={"PGHOST": "", "PGUSER": ""})
    assert nowhere.code == 3
    assert "names the secret 'warehouse', and there is neither a --secret for it" in nowhere.err
    typo = commands("run", "-f", file, f"--secret=warehose={tmp_path}/none")
    assert typo.code == 2
    assert "names no secret 'warehose' (it names: warehouse)" in typo.err
    pasted = commands("run", "-f", file, f"--secret={PASSWORD}")
    assert pasted.code == 2
    assert "NAME=FILE" in pasted.err
    assert PASSWORD not in pasted.err


def test_a_home_that_cannot_be_used_is_named(name: str, commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env = {"ROWMILL_HOME": str(tmp_path / "file")}
    file = commands.file(manifest(name))
    for words in (("run", "-f", file), ("up",), ("status", name), ("status",), ("runs",)):
        done = commands(*words, env=env)
        assert done.code == 3
        assert "ROWMILL_HOME" in done.err
        assert str(tmp_path / "file") in done.err


def test_a_run_that_cannot_be_remembered_is_made_all_the_same(
    name: str, commands: Commands, home: Home
) -> None:
    file = commands.file(manifest(name, tables=[{**PEOPLE, "rows": 1}], parquet=None))
    in_the_way = home.experiments / name
    home.experiments.mkdir(exist_ok=True)
    in_the_way.write_text("")
    done = commands("run", "-f", file, "--progress=none")
    in_the_way.unlink()
    assert done.code == 0, done.err
    assert f"rowmill: {in_the_way} cannot be written (File exists)" in done.err
    assert "give the next commands the manifest, with -f FILE" in done.err
    assert "Next: rowmill verify -f FILE" in done.out
    assert commands("verify", "-f", file).code == 0


def test_a_command_without_its_extra_says_which(commands: Commands, tmp_path: Path) -> None:
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text(
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('numpy', 'pyarrow', 'psycopg', 'botocore', 'faker'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
    )
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    file = commands.file(manifest("lean"))
    bare = (("schema",), ("crd",), ("--help",))
    for words in (("validate", "-f", file), ("plan", "-f", file), *bare):
        assert commands(*words, env=env).code == 0
    for words in (("preview", "-f", file), ("run", "-f", file)):
        done = commands(*words, env=env)
        assert done.code == 2
        assert "pip install 'rowmill[worker]'" in done.err


def test_wrong_usage_ends_with_2(
    name: str, commands: Commands, command_line: Callable[[str], list[str]]
) -> None:
    for line, words in (
        ("status nobody", "no experiment 'nobody' was run here"),
        ("status some -f FILE", "either the experiment's NAME or its manifest"),
        ("run -f FILE --resume --restart", "exclude each other"),
        ("run -f FILE --detach --progress plain", "`rowmill status NAME -w` does"),
        ("run -f FILE --scale none", "is no number above 0"),
        ("run -f /nowhere/x.yaml", "rowmill: the manifest: /nowhere/x.yaml: no such file or dir"),
        ("preview -f FILE -t nothing", "there is no table 'nothing'"),
        ("run -f FILE --batch-rows 10", "--batch-rows"),
        ("nonsense", "no such command"),
    ):
        done = commands(*command_line(line))
        assert (done.code, words in done.err) == (2, True), f"{line}: {done.err}"
    broken = manifest(name, tables=[{**PEOPLE, "rows": -1, "colour": "red"}])
    invalid = commands("validate", "-f", commands.file(broken), "-o", "json")
    assert (invalid.code, invalid.json["error"]["reason"]) == (2, "InvalidManifest")
    assert "the manifest has 2 problems" in invalid.err
    assert "spec.tables[0].colour" in invalid.err


@pytest.fixture
def command_line(name: str, commands: Commands) -> Callable[[str], list[str]]:
    file = commands.file(manifest(name))
    return lambda line: [file if word == "FILE" else word for word in line.split()]
