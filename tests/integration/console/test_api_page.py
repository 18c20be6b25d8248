"""docs/api.md followed from its first line: each line of its shell as it stands, in bash.

Replaced are the console's port and the place of its token, nothing else. What a block prints is
compared with the block of text below it, in which `...` stands for anything.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rowmill.local.home.folder import Home
from tests.integration.console.conftest import Console

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "api.md"
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PORT, _TOKEN = "8470", "~/.local/share/rowmill/console/token"


@dataclass(frozen=True)
class Step:
    """Lines of shell, and what they print; "" where the page shows nothing."""

    shell: str
    said: str


def steps(page: str) -> Iterator[Step]:
    blocks = [(found[1], found[2]) for found in _BLOCK.finditer(page)]
    for place, (kind, text) in enumerate(blocks):
        if kind == "sh":
            following = blocks[place + 1] if place + 1 < len(blocks) else ("", "")
            yield Step(text, following[1] if following[0] == "text" else "")


def matches(said: str, expected: str) -> bool:
    parts = map(re.escape, expected.strip().split("..."))
    return re.fullmatch(".*".join(parts), said.strip(), re.DOTALL) is not None


@pytest.fixture
def home(own: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home in which nothing was run."""
    monkeypatch.setenv("ROWMILL_HOME", str(own.path))
    return own


@pytest.fixture
def console(home: Home) -> Iterator[Console]:
    found = Console(home)
    yield found
    found.end()


def test_the_page_is_followed_from_its_first_line(
    home: Home, console: Console, tmp_path: Path
) -> None:
    start, *walk = steps(PAGE.read_text(encoding="utf-8"))
    assert shlex.split(start.shell) == ["rowmill", "console"]
    port = str(console.start().base_url.port)

    (tmp_path / "examples").symlink_to(ROOT / "examples")
    mark = secrets.token_hex()
    script = "".join(f"{step.shell}printf %s {mark}\n" for step in walk)
    token = shlex.quote(str(home.path / "console" / "token"))
    assert f":{_PORT}/" in script
    assert _TOKEN in script
    script = script.replace(f":{_PORT}/", f":{port}/").replace(_TOKEN, token)
    done = subprocess.run(
        ["bash", "-u"],
        input=script,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        timeout=900,
        check=False,
    )
    printed = done.stdout.split(mark)
    assert len(printed) == len(walk) + 1, done.stderr
    wrong = [
        f"{step.shell}\nprinted\n{said}"
        for step, said in zip(walk, printed, strict=False)
        if not matches(said, step.said)
    ]
    # Its last lines come after the one that is waited for; by now they are there.
    assert matches("".join(console.said), start.said.replace(_PORT, port))
    assert wrong == [], "\n".join([*wrong, done.stderr])


def test_the_line_that_the_console_prints_can_be_pasted(home: Home, console: Console) -> None:
    console.start()
    while not (line := console.said[-1].strip()).startswith("curl "):
        time.sleep(0.05)
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == '{"items":[],"after":null}', done.stderr


@pytest.mark.parametrize(
    ("said", "expected", "same"),
    [
        ('{"a":1,"b":2}\n', '{"a":1,...}', True),
        ('{"a":1,"b":2}\n', '{"a":2,...}', False),
        ("one\n\ntwo\nthree\n", "one\n...three", True),
        ("one\n", "one\n...two", False),
        ("\n", "", True),
        ("more", "", False),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(
    said: str, expected: str, same: bool
) -> None:
    assert matches(said, expected) == same
