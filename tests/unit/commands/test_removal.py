"""What `delete` asks before it removes anything, and what it has the engine do."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from rowmill.commands.removal import delete
from rowmill.terminal.failures import UsageError


class Engine:
    """Remembers what was to be deleted."""

    def __init__(self) -> None:
        self.deleted: list[tuple[str, bool]] = []

    def delete(self, name: str, *, purge: bool) -> str:
        self.deleted.append((name, purge))
        return f"{name} is gone"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """At a terminal, where somebody says no."""
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    return Engine()


def test_a_no_removes_nothing(engine: Any) -> None:
    with pytest.raises(UsageError, match="nothing was removed"):
        delete(engine, "shop", keep_data=False, yes=False)
    assert engine.deleted == []


def test_what_keeps_the_data_asks_nobody(engine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    delete(engine, "shop", keep_data=True, yes=False)
    assert engine.deleted == [("shop", False)]
    assert capsys.readouterr().out == "shop is gone\n"
