from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from rowmill import cli
from rowmill.cli import app as commands
from rowmill.kubectl import app as plugin
from rowmill.version import VERSION

_ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

_ENDS = """
import atexit, sys
from rowmill.terminal.entry import interruptible, own_process

class Left:
    def __del__(self):
        print("taken apart")

left = Left()
with own_process(), interruptible("rowmill"):
    atexit.register(print, "handled")
    print("told")
    sys.exit(3)
"""
# What an installed script does.
_SCRIPT = """
import sys
from MODULE import ENTRY

class Left:
    def __del__(self):
        print("taken apart")

left = Left()
sys.argv = ["rowmill", "--version"]
ENTRY()
"""
_GOES_ON = """
import atexit, gc, sys
from MODULE import main

class Left:
    def __del__(self):
        print("taken apart")

left = Left()
atexit.register(print, "handled")
collections = gc.get_threshold()
sys.argv = ["rowmill", "--version"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
assert gc.get_threshold() == collections
print("goes on")
sys.exit(7)
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
_SHOP = _ROOT / "examples" / "minimal.yaml"
_BEGINS = """
import gc
from rowmill.terminal.entry import collect_from_here, own_process

looks = []
gc.callbacks.append(lambda *_: looks.append(1))
with own_process():
    import rowmill.cli.commands.manifest
    print(len(looks), gc.get_freeze_count())
    collect_from_here()
    print(gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


def script(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)


def test_a_command_ends_by_its_code_and_exit_handlers_and_leaves_the_rest_to_the_system() -> None:
    done = script(_ENDS)
    assert (done.returncode, done.stdout, done.stderr) == (3, "told\nhandled\n", "")


@pytest.mark.parametrize("module", ["rowmill.cli", "rowmill.kubectl.app"])
def test_a_program_that_calls_a_command_ends_by_its_own_code_and_as_python_ends(
    module: str,
) -> None:
    done = script(_GOES_ON.replace("MODULE", module))
    told = [f"rowmill {VERSION}", "goes on", "handled", "taken apart"]
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (7, told, "")


@pytest.mark.parametrize("name", ["rowmill", "kubectl-rowmill"])
def test_the_installed_scripts_leave_the_rest_to_the_system(name: str) -> None:
    module, _, entry = PROJECT["scripts"][name].partition(":")
    done = script(_SCRIPT.replace("MODULE", module).replace("ENTRY", entry))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"rowmill {VERSION}\n", "")


def test_what_a_command_imports_is_never_looked_through_for_garbage() -> None:
    done = script(_BEGINS)
    assert (done.stdout, done.stderr) == ("0 0\nTrue True\n", "")


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
