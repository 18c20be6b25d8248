from __future__ import annotations

import pytest
import typer

from rowmill import cli
from rowmill.cli import app as commands
from rowmill.kubectl import app as plugin


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
