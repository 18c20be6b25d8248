"""Commands whose standard streams are closed or on a full disk, as processes of their own."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

MANIFEST = Path(__file__).parents[3] / "examples" / "minimal.yaml"
COMMAND = "from rowmill.cli import main; main()"


def rowmill(line: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of `rowmill ...`."""
    program = shlex.join([sys.executable, "-c", COMMAND])
    return subprocess.run(["sh", "-c", f"{program} {line}"], capture_output=True, text=True)


@pytest.mark.parametrize("buffering", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    "line",
    [
        f"preview -f {MANIFEST} -o json",
        "--help",
    ],
)
def test_a_full_disk_under_standard_output_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, line: str, buffering: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", buffering)
    ended = rowmill(f"{line} > /dev/full")
    assert ended.returncode == 4
    assert ended.stderr.splitlines() == [
        "rowmill: standard output cannot be written: No space left on device; "
        "free space there, or send it elsewhere"
    ]


def test_another_failure_is_told_where_standard_output_is_full_too() -> None:
    ended = rowmill("validate -f no-such-file -o json > /dev/full")
    assert ended.returncode == 4
    assert "no-such-file" in ended.stderr
    assert "standard output cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_messages_that_nobody_can_read_leave_the_exit_code_alone() -> None:
    assert rowmill(f"preview -f {MANIFEST} > /dev/full 2>&1").returncode == 4
    assert rowmill("validate -f no-such-file 2> /dev/full").returncode == 2
    assert rowmill("validate -f no-such-file > /dev/full 2>&1").returncode == 2
    assert rowmill(f"validate -f {MANIFEST} 2> /dev/full").returncode == 0


def test_closed_standard_input_is_named() -> None:
    ended = rowmill("validate -f - -o json <&-")
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["error"]["message"].startswith("standard input is closed")
    assert "Traceback" not in ended.stderr
    assert "the manifest is empty" in rowmill("validate -f - < /dev/null").stderr


def test_closed_standard_output_and_error_are_no_failure() -> None:
    ended = rowmill(f"validate -f {MANIFEST} >&-")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert rowmill(f"validate -f {MANIFEST} 2>&-").returncode == 0
