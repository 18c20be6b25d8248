from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from rowmill import cli
from rowmill.cli import app as commands
from rowmill.kubectl import app as plugin

_ENDS = """
import atexit, sys
from rowmill.terminal.entry import interruptible

class Left:
    def __del__(self):
        print("taken apart")

left = Left()
with interruptible("rowmill"):
    atexit.register(print, "handled")
    print("told")
    sys.exit(3)
"""
_VALIDATES = """
import sys
from rowmill.cli import main

sys.argv = ["rowmill", "validate", "-f", FILE]
try:
    main()
except SystemExit as ended:
    assert not ended.code
print({"pyarrow", "numpy", "botocore", "psycopg", "faker"} & set(sys.modules))
"""
_SHOP = Path(__file__).parents[3] / "examples" / "minimal.yaml"


def script(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)


def test_a_command_ends_by_its_code_and_exit_handlers_and_leaves_the_rest_to_the_system() -> None:
    done = script(_ENDS)
    assert (done.returncode, done.stdout, done.stderr) == (3, "told\nhandled\n", "")


def test_a_manifest_is_validated_without_arrow_or_drivers() -> None:
    done = script(_VALIDATES.replace("FILE", repr(str(_SHOP))))
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "set()"


def test_an_interrupt_before_the_command_takes_over_is_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted = typer.Typer()

    @interrupted.command()
    def importing() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "app", interrupted)
    monkeypatch.setattr("sys.argv", ["rowmill"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 5
    assert capsys.readouterr().err.strip().endswith("rowmill: interrupted")


def test_the_plugin_ends_alike(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(plugin, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        plugin.main()
    assert ended.value.code == 5
    assert capsys.readouterr().err.strip() == "rowmill: interrupted"
