"""Where one machine finds destinations: never a stray server of the environment."""

import getpass
from dataclasses import replace
from pathlib import Path

import pytest

from rowmill.destinations.credentials import EnvironmentCredentials, FileCredentials
from rowmill.local.connections import engine_id, find_connections
from rowmill.local.home.folder import Home
from rowmill.local.servers import embedded as embedded_servers
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec
from rowmill.spec.secret_keys import S3_REQUIRED

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables: [{name: a, rows: 1, columns: [{name: id, type: bigint}]}]
  destinations:
    postgres: {}
    parquet: {bucket: lake, secretName: lake}
"""


@pytest.fixture
def spec() -> Spec:
    return load_spec("shop", text=MANIFEST)


def test_the_engine_is_named_by_the_environment_or_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert engine_id({"ROWMILL_ENGINE": "team"}) == "team"
    assert engine_id({}).startswith(f"{getpass.getuser()}@")

    def unknown() -> str:
        raise KeyError("no such uid")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert engine_id({}).partition("@")[0].isdigit()


def test_an_embedded_destination_is_never_what_the_environment_says(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "production")
    monkeypatch.setenv("PGREADUSER", "somebody")
    embedded = {"PGHOST": "127.0.0.1", "PGUSER": "loads", "AWS_REGION": "here"}
    reads = {"PGREADUSER": "reads", "PGREADPASSWORD": "hidden"}
    monkeypatch.setattr(embedded_servers, "up", lambda home, starting: object())
    monkeypatch.setattr(embedded_servers, "exports", lambda servers: embedded)
    monkeypatch.setattr(embedded_servers, "reader_exports", lambda servers: reads)
    connections = find_connections(spec, {"lake": tmp_path / "lake.env"}, Home(tmp_path))
    assert connections.postgres is not None
    assert connections.postgres() == {"PGHOST": "127.0.0.1", "PGUSER": "loads"}
    assert connections.reader is not None
    assert (connections.reader().values["PGUSER"], connections.reader().named) == ("reads", True)
    assert connections.s3 == FileCredentials("lake", tmp_path / "lake.env", S3_REQUIRED)


def test_a_secret_without_a_file_is_the_environment_and_starts_no_server(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(embedded_servers, "up")
    connections = find_connections(replace(spec, postgres=None), {}, Home(tmp_path))
    assert connections.postgres is None
    assert connections.reader is None
    assert isinstance(connections.s3, EnvironmentCredentials)
    assert "AWS_SECRET_ACCESS_KEY" in connections.s3.keys


def test_the_reader_of_a_secret_is_in_its_file_or_else_in_the_environment(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spec.postgres is not None
    own = replace(spec, parquet=None, postgres=replace(spec.postgres, secret_name="w"))
    file = tmp_path / "w.env"
    file.write_text("PGHOST=db\nPGUSER=loads\n")
    for key, value in {"PGHOST": "db", "PGREADUSER": "reads", "PGREADPASSWORD": "hidden"}.items():
        monkeypatch.setenv(key, value)
    by_file = find_connections(own, {"w": file}, Home(tmp_path))
    by_environment = find_connections(own, {}, Home(tmp_path))
    assert by_file.reader is not None
    assert by_environment.reader is not None
    assert (by_file.reader().values["PGUSER"], by_file.reader().named) == ("loads", False)
    assert (by_environment.reader().values["PGUSER"], by_environment.reader().named) == (
        "reads",
        True,
    )
    # What loads and verifies never gets the reader's keys.
    monkeypatch.setenv("PGUSER", "loads")
    assert by_environment.postgres is not None
    assert not {"PGREADUSER", "PGREADPASSWORD"} & set(by_environment.postgres())
