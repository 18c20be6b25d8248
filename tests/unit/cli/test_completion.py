"""The shell completes manifests, experiments and tables from what is there; no server starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rowmill.cli.app import app
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.remembered import Remembered
from rowmill.local.servers import embedded

# Not valid yet: somebody is at it.
DRAFT = "spec: {tables: [{name: orders}, {name: order_lines}, {name: people, rows: many}]}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWMILL_HOME", str(tmp_path / "home"))
    monkeypatch.delattr(embedded, "up")
    for name in ("shop", "shop-eu", "bank"):
        remembered.keep(Home(tmp_path / "home"), Remembered(name, DRAFT, None, None, {}))
    (tmp_path / "draft.yaml").write_text(DRAFT)
    (tmp_path / "broken.yaml").write_text("spec: {tables: [")
    monkeypatch.chdir(tmp_path)


def completed(line: str) -> list[str]:
    """What bash is offered for the last word of a command line."""
    words = line.split(" ")
    env = {
        "_ROWMILL_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = CliRunner().invoke(app, [], env=env, prog_name="rowmill")
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rowmill status ", ["bank", "shop", "shop-eu"]),
        ("rowmill delete sh", ["shop", "shop-eu"]),
        ("rowmill status -f draft.yaml sh", []),
        ("rowmill query b", ["bank"]),
        ("rowmill query bank sel", []),
        ("rowmill trace ", ["bank", "shop", "shop-eu"]),
        ("rowmill trace shop o", ["orders", "order_lines"]),
        ("rowmill trace shop orders o", []),
        ("rowmill trace none ", []),
        ("rowmill trace -f draft.yaml p", ["people"]),
        ("rowmill preview -f draft.yaml -t order_", ["order_lines"]),
        ("rowmill preview draft.yaml -t p", ["people"]),
        ("rowmill preview -f broken.yaml -t ", []),
        ("rowmill preview -f none.yaml -t ", []),
        ("rowmill preview -t ", []),
    ],
)
def test_names_are_offered_where_they_are_wanted(line: str, offered: list[str]) -> None:
    assert completed(line) == offered


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rowmill validate ", ["broken.yaml", "draft.yaml", "home/", "two/"]),
        ("rowmill run -f ", ["broken.yaml", "draft.yaml", "home/", "two/"]),
        ("rowmill verify -f d", ["draft.yaml"]),
        # A folder that is alone would end in a space: what it holds is offered.
        ("rowmill plan tw", ["two/a.yml", "two/b.JSON", "two/c/"]),
        ("rowmill plan ./two/a", ["./two/a.yml"]),
        ("rowmill plan two/c", ["two/c/"]),
        ("rowmill validate ~/tw", ["~/two/a.yml", "~/two/b.JSON", "~/two/c/"]),
        ("rowmill validate .g", [".git/"]),
        ("rowmill validate LIC", []),
        ("rowmill validate none/", []),
    ],
)
def test_manifests_and_folders_are_offered_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, offered: list[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("LICENSE", "notes.txt", ".hidden.yaml", "two/a.yml", "two/b.JSON", "two/.c.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("two/c", ".git"):
        (tmp_path / name).mkdir()
    assert completed(line) == offered
