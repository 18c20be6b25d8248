"""What `verify` and `reset` show while others do it, and how one leaves them to it."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from rowmill.commands.removal import reset_remotely
from rowmill.commands.verify import verify_remotely
from rowmill.engine.verification import TableReport, Verification, VerifyProgress
from rowmill.errors import Interrupted
from rowmill.terminal.failures import UsageError
from rowmill.terminal.output import Output
from rowmill.views.verification import show_verification, verify_display


def _verify(engine: Any, timeout: str | None = None) -> None:
    verify_remotely(engine, "shop", timeout, Output.TEXT)


def _reset(engine: Any, timeout: str | None = None) -> None:
    reset_remotely(engine, "shop", True, timeout)


class Engine:
    """Is left with Ctrl-C while it waits, and remembers for how long it was to."""

    def __init__(self) -> None:
        self.timeouts: list[float | None] = []

    def verify(self, name: str, *, timeout: float | None, **_: Any) -> Any:
        self.timeouts.append(timeout)
        raise KeyboardInterrupt

    def reset(self, name: str, *, timeout: float | None) -> Any:
        self.verify(name, timeout=timeout)


@pytest.mark.parametrize(("command", "what"), [(_verify, "verify"), (_reset, "reset")])
def test_who_stops_waiting_is_told_that_it_goes_on(command: Callable[..., None], what: str) -> None:
    engine = Engine()
    with pytest.raises(Interrupted, match=f"no longer waited for; the {what} of shop goes on"):
        command(engine, "1h30m")
    assert engine.timeouts == [5_400]


@pytest.mark.parametrize("command", [_verify, _reset])
def test_a_timeout_that_is_none_asks_for_nothing(command: Callable[..., None]) -> None:
    engine = Engine()
    with pytest.raises(UsageError, match="--timeout 'soon' is no duration"):
        command(engine, "soon")
    assert engine.timeouts == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_shows_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with verify_display() as show:
        show(VerifyProgress("examining", "[shop]\x1b[2J", 1, 2))
    assert "examining [shop]\\x1b[2J" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())


def _found(*rows: int, identical: bool = True, told: bool = True) -> Verification:
    tables = [TableReport(f"t{number}", each, "sha256:ab", ()) for number, each in enumerate(rows)]
    return Verification(
        run=1,
        digest="sha256:cd",
        identical=identical,
        rows=sum(rows),
        checksum="sha256:ab",
        tables=tuple(tables) if told else (),
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (_found(2_000, 500), "Identical: all 2,500 rows of 2 tables, in every destination"),
        (_found(1), "Identical: 1 row of 1 table, in every destination"),
        (_found(2_500, told=False), "Identical: all 2,500 rows, in every destination"),
        (_found(2_000, 500, identical=False), "(2,500 rows of 2 tables made again)"),
    ],
    ids=["tables", "one", "a cluster's", "different"],
)
def test_the_verdict_says_how_much_was_compared(
    found: Verification, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_verification(found, "rowmill rerun shop")
    assert said in capsys.readouterr().out
