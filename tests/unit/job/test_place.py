"""A pod finds what it is given, by mounted Secrets or its own identity."""

import os
from pathlib import Path

import pytest

from rowmill.destinations.credentials import (
    READER_KEYS,
    DirectoryCredentials,
    EnvironmentCredentials,
)
from rowmill.destinations.errors import DestinationRefused
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec
from rowmill_job.place import Place


def spec(postgres: str = "{}", parquet: str = "{bucket: lake}") -> Spec:
    return load_spec(
        "m",
        text=f"""
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {{name: shop}}
spec:
  tables: [{{name: a, rows: 1, columns: [{{name: x, type: bigint}}]}}]
  destinations: {{postgres: {postgres}, parquet: {parquet}}}
""",
    )


def place(root: Path) -> Place:
    return Place.here({"ROWMILL_JOB_ROOT": str(root), "JOB_COMPLETION_INDEX": "7"})


def test_a_pod_without_settings_is_at_the_root() -> None:
    found = Place.here({})
    assert str(found.bundle) == "/etc/rowmill/run/run.json.gz"
    assert str(found.termination_log) == "/dev/termination-log"
    assert (found.port, found.shard, found.login_seconds) == (8080, None, 120)
    assert place(Path("/x")).shard == 7


def test_secrets_are_read_from_their_folders(tmp_path: Path) -> None:
    named = spec("{secretName: warehouse}", "{bucket: lake, secretName: keys}")
    found = place(tmp_path).connections(named, "e")
    assert found.engine == "e"
    assert isinstance(found.postgres, DirectoryCredentials)
    assert found.postgres.path == tmp_path / "etc/rowmill/postgres"
    # Nobody asks a pod queries.
    assert found.reader is None
    assert not set(READER_KEYS) & set(found.postgres.keys)
    assert isinstance(found.s3, DirectoryCredentials)
    assert (found.s3.secret, found.s3.path.name) == ("keys", "parquet")


def test_a_pods_own_identity_needs_no_secret(tmp_path: Path) -> None:
    ambient = spec("{auth: ambient}", "{bucket: lake, auth: ambient}")
    found = place(tmp_path).connections(ambient, "e")
    assert isinstance(found.postgres, EnvironmentCredentials)
    assert isinstance(found.s3, EnvironmentCredentials)


def test_a_pod_goes_by_the_secrets_that_it_was_told_of(tmp_path: Path) -> None:
    """The manifest may have come to name others since its plan was frozen."""
    told = {"ROWMILL_POSTGRES_SECRET": "newer", "ROWMILL_PARQUET_SECRET": ""}
    here = Place.here({"ROWMILL_JOB_ROOT": str(tmp_path)} | told)
    given = here.as_given(spec("{auth: ambient}", "{bucket: lake, secretName: keys}"))
    found = here.connections(given, "e")
    assert isinstance(found.postgres, DirectoryCredentials)
    assert found.postgres.secret == "newer"
    assert isinstance(found.s3, EnvironmentCredentials)
    assert given.parquet is not None
    assert given.parquet.ambient


def test_a_pod_of_an_earlier_operator_goes_by_its_plan(tmp_path: Path) -> None:
    planned = spec("{auth: ambient}", "{bucket: lake, secretName: keys}")
    assert place(tmp_path).as_given(planned) == planned


def test_a_destination_without_any_server_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DestinationRefused, match=r"destinations\.parquet names no Secret") as error:
        place(tmp_path).connections(spec("{secretName: warehouse}"), "e")
    assert error.value.reason == "SecretMissing"


def test_the_buckets_authority_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "AWS_CA_BUNDLE"}
    monkeypatch.setattr(os, "environ", environment)
    authority = tmp_path / "etc/rowmill/parquet/ca.crt"
    authority.parent.mkdir(parents=True)
    authority.write_text("PEM")
    named = spec("{secretName: warehouse}", "{bucket: lake, secretName: keys}")
    place(tmp_path).connections(named, "e")
    assert environment["AWS_CA_BUNDLE"] == str(authority)


def test_the_values_that_nobody_may_see_are_known(tmp_path: Path) -> None:
    for name, value in (("postgres/PGPASSWORD", "one\n"), ("postgres/PGHOST", "db")):
        file = tmp_path / "etc/rowmill" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value)
    key = tmp_path / "etc/rowmill/parquet/AWS_SECRET_ACCESS_KEY"
    key.parent.mkdir(parents=True)
    key.write_bytes(b"\xff")
    assert list(place(tmp_path).secrets()) == ["one"]
