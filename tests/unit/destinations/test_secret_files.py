"""Secrets on one machine: a file of KEY=VALUE lines or the environment, or a word on what lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from rowmill.destinations.credentials import (
    POSTGRES_KEYS,
    POSTGRES_REQUIRED,
    EnvironmentCredentials,
    FileCredentials,
)
from rowmill.destinations.errors import DestinationRefused


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
