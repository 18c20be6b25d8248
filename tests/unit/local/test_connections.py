"""Where one machine finds destinations: never a stray server of the environment."""

import getpass
from dataclasses import replace
from pathlib import Path

import pytest

from rowmill.destinations.credentials import EnvironmentCredentials, FileCredentials
from rowmill.local import connections as module
from rowmill.local.connections import connections, engine_id
from rowmill.local.home import Home
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec

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
    embedded = {"PGHOST": "127.0.0.1", "AWS_REGION": "here"}
    monkeypatch.setattr(module.embedded, "up", lambda home: None)
    monkeypatch.setattr(module.embedded, "exports", lambda servers: embedded)
    reach = connections(spec, {"lake": tmp_path / "lake.env"}, Home(tmp_path))
    assert reach.postgres is not None
    assert reach.postgres() == {"PGHOST": "127.0.0.1"}
    assert reach.s3 == FileCredentials("lake", tmp_path / "lake.env")


def test_a_secret_without_a_file_is_the_environment_and_starts_no_server(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(module.embedded, "up")
    reach = connections(replace(spec, postgres=None), {}, Home(tmp_path))
    assert reach.postgres is None
    assert isinstance(reach.s3, EnvironmentCredentials)
    assert "AWS_SECRET_ACCESS_KEY" in reach.s3.keys
