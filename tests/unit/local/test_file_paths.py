"""Paths that users give are kept whole, and shown without detours."""

from __future__ import annotations

from pathlib import Path

import pytest

from rowmill.cli.sources import secret_files
from rowmill.local.home.file_paths import whole_path
from rowmill.local.home.folder import rowmill_home


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x", "w", "away/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "x" / "link").symlink_to(tmp_path / "away" / "deep")
    (tmp_path / "x" / "now.env").symlink_to(tmp_path / "w" / "first.env")
    monkeypatch.chdir(tmp_path / "x")
    monkeypatch.setenv("HOME", str(tmp_path / "w"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../w/wh.env", "w/wh.env"),
        ("./wh.env", "x/wh.env"),
        ("~/wh.env", "w/wh.env"),
        ("none/../wh.env", "x/wh.env"),
        # What a link leads to may change.
        ("now.env", "x/now.env"),
        # This is away/wh.env, which x/wh.env is not.
        ("link/../wh.env", "x/link/../wh.env"),
    ],
)
def test_a_path_is_whole_and_leads_to_the_same_file(tmp_path: Path, given: str, kept: str) -> None:
    assert str(whole_path(given)) == f"{tmp_path}/{kept}"


def test_secrets_and_the_home_are_shown_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert secret_files(["warehouse=../w/wh.env"]) == {"warehouse": tmp_path / "w" / "wh.env"}
    monkeypatch.setenv("ROWMILL_HOME", "../w/home")
    assert rowmill_home().path == tmp_path / "w" / "home"
