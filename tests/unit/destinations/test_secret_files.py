"""Secrets on one machine: a file of KEY=VALUE lines or the environment, or a word on what lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from rowmill.destinations.credentials import (
    READER_KEYS,
    DirectoryCredentials,
    EnvironmentCredentials,
    FileCredentials,
)
from rowmill.destinations.errors import DestinationRefused
from rowmill.spec.secret_keys import POSTGRES_KEYS, POSTGRES_REQUIRED


def told(credentials: FileCredentials | EnvironmentCredentials) -> str:
    with pytest.raises(DestinationRefused) as refusal:
        credentials()
    assert refusal.value.reason == "SecretMissing"
    return str(refusal.value)


def secret(tmp_path: Path, text: str) -> FileCredentials:
    file = tmp_path / "warehouse.env"
    file.write_text(text)
    return FileCredentials("warehouse", file, POSTGRES_REQUIRED)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hunter2\n", 1),
        ("\n# the warehouse\nPGHOST=db\n\n\nhunter2\n", 6),
        ("PGHOST: hunter2\nPGUSER: loader\n", 1),
        ("PGHOST=db\nPGUSER=loads\nPGPASSWORD hunter2\n", 3),
        ('{"PGPASSWORD": "hunter2"}', 1),
        ("PGHOST=db\nPGPASSWORD='hunter2\n", 2),
    ],
)
def test_a_line_that_is_not_key_and_value_is_named_and_not_shown(
    tmp_path: Path, text: str, line: int
) -> None:
    said = told(secret(tmp_path, text))
    assert f"secret 'warehouse': line {line} of {tmp_path}/warehouse.env is not KEY=VALUE" in said
    assert "PGHOST=db.example" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("", "holds no PGHOST and no PGUSER"),
        ("HOST=hunter2\nPGUSER=loads\n", "holds no PGHOST;"),
        ("PGHOST=db\nPGUSER=\n", "holds no PGUSER;"),
    ],
)
def test_a_file_without_the_keys_that_are_needed_names_them(
    tmp_path: Path, text: str, lacks: str
) -> None:
    said = told(secret(tmp_path, text))
    assert f"secret 'warehouse': {tmp_path}/warehouse.env {lacks}" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            "",
            "add lines such as PGHOST=db.example and PGUSER=loader; PGPASSWORD and PGDATABASE are "
            "not there either: add them unless the server does without",
        ),
        (
            "PGHOST=db\nPGPASSWORD=hunter2\n",
            "add a line such as PGUSER=loader; PGDATABASE is not there either: add it unless the "
            "server does without",
        ),
        ("PGHOST=db\nPGSSLCERT=/c\nPGDATABASE=d\n", "add a line such as PGUSER=loader"),
    ],
)
def test_what_a_server_may_want_besides_is_told_at_once(
    tmp_path: Path, text: str, advice: str
) -> None:
    assert told(secret(tmp_path, text)).partition("; ")[2] == advice


def test_lines_are_read_as_a_shell_or_docker_reads_them(tmp_path: Path) -> None:
    text = (
        "\ufeff# the warehouse\nexport PGHOSTADDR='10.0.0.1'\r\nPGUSER=loads\nPGPASSWORD=a$b #c\n"
    )
    values = {"PGHOSTADDR": "10.0.0.1", "PGUSER": "loads", "PGPASSWORD": "a$b"}
    assert secret(tmp_path, text)() == values


def test_a_secret_that_is_given_nowhere_is_named_with_the_option_that_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key in POSTGRES_KEYS:
        monkeypatch.delenv(key, raising=False)
    credentials = EnvironmentCredentials(POSTGRES_KEYS, "warehouse", POSTGRES_REQUIRED)
    said = told(credentials)
    assert "the secret 'warehouse', and there is neither a --secret for it nor PGHOST" in said
    assert "with a file of lines such as PGHOST=db.example and PGUSER=loader;" in said
    assert "PGPASSWORD and PGDATABASE are not there either" in said
    monkeypatch.setenv("PGHOST", "db")
    assert "nor PGUSER in the environment" in told(credentials)
    monkeypatch.setenv("PGUSER", "loads")
    assert credentials() == {"PGHOST": "db", "PGUSER": "loads"}


MISPLACED = [
    ("PGHOST", "postgresql://u:hunter2@db/shop", "a URL"),
    ("PGHOST", "u:hunter2@db", "a URL"),
    ("PGHOST", "host=db password=hunter2", "a connection string"),
    ("PGHOST", "hunter2@db", "more than a host's name"),
    ("PGDATABASE", "postgresql://u:hunter2@db/shop", "a URL"),
    ("PGDATABASE", "dbname=shop password=hunter2", "a connection string"),
    ("PGUSER", "postgresql://u:hunter2@db/shop", "a URL"),
    ("PGREADUSER", "postgresql://u:hunter2@db/shop", "a URL"),
    ("PGPORT", "hunter2", "no number"),
]


@pytest.mark.parametrize(("key", "value", "what"), MISPLACED)
def test_a_password_amid_another_key_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str, what: str
) -> None:
    values = {"PGHOST": "db", "PGUSER": "loads", key: value}
    lines = "".join(f"{name}='{text}'\n" for name, text in values.items())
    folder = tmp_path / "mounted"
    folder.mkdir()
    for name, text in values.items():
        monkeypatch.setenv(name, text)
        (folder / name).write_text(text)
    keys = (*POSTGRES_KEYS, *READER_KEYS)
    for credentials, where in (
        (secret(tmp_path, lines), f"secret 'warehouse': in {tmp_path}/warehouse.env"),
        (DirectoryCredentials("warehouse", folder, keys), "in the Secret 'warehouse'"),
        (EnvironmentCredentials(keys, "warehouse"), "for the secret 'warehouse',"),
    ):
        with pytest.raises(DestinationRefused) as refusal:
            credentials()
        assert refusal.value.reason == "CredentialsRefused"
        assert f"{where} {key} holds {what};" in str(refusal.value)
        assert "hunter2" not in str(refusal.value)


def test_unusual_places_are_no_passwords(tmp_path: Path) -> None:
    values = {
        "PGHOST": "/cloudsql/project:region:name,::1,db.example",
        "PGPORT": "5432,5433,5434",
        "PGDATABASE": "a=b @ c",
        "PGUSER": "loads@server",
    }
    lines = "".join(f"{name}='{text}'\n" for name, text in values.items())
    assert secret(tmp_path, lines)() == values


def test_a_nul_in_a_secret_is_refused_with_its_line_or_its_key(tmp_path: Path) -> None:
    with pytest.raises(DestinationRefused, match=r"line 2 of .*warehouse\.env holds a NUL"):
        secret(tmp_path, "PGUSER=loads\nPGHOST=a\0b\n")()
    (tmp_path / "PGHOST").write_text("a\0b")
    with pytest.raises(DestinationRefused, match=r"the key PGHOST of the Secret .* a NUL"):
        DirectoryCredentials("warehouse", tmp_path, POSTGRES_KEYS)()
