"""Sentences on a terminal end their lines between words."""

from __future__ import annotations

import io
import os
import pty
import sys

import pytest
from rich.console import Console

from rowmill.terminal.bars import Bar, Bars
from rowmill.terminal.prose import columns_of, confirmed, notice, say, wrapped
from rowmill.terminal.waiting_line import WaitingLine

LONG = "s3://bucket/" + "x" * 40


def test_a_line_ends_between_words_and_goes_on_below_its_beginning() -> None:
    assert wrapped("rowmill: one two three four", 16) == "rowmill: one two\n  three four"
    assert wrapped("  orders.total: too much", 16) == "  orders.total:\n    too much"


def test_what_has_a_label_goes_on_below_its_value() -> None:
    assert wrapped("  time    1 s (load 1 s)", 20) == "  time    1 s (load\n          1 s)"


@pytest.mark.parametrize("text", ["short", "", "a\n\n  b", f"see {LONG}", "a  b"])
def test_what_is_not_wrapped_is_as_it_was(text: str) -> None:
    assert wrapped(text, None) == text
    if LONG not in text:
        assert wrapped(text, 20) == text


def test_a_word_longer_than_a_line_stays_whole() -> None:
    assert wrapped(f"see {LONG} there", 20) == f"see\n  {LONG}\n  there"


def test_a_line_of_its_own_stays_one() -> None:
    assert wrapped("one two:\n  a b\n  c d e f", 8) == "one two:\n  a b\n  c d e\n    f"


def test_a_command_in_backticks_is_not_broken_if_it_fits_a_line() -> None:
    text = 'servers: `eval "$(rowmill env)"`, then'
    assert wrapped(text, 26) == 'servers:\n  `eval "$(rowmill env)"`,\n  then'
    assert wrapped("do `a b c d e f`", 8) == "do `a b\n  c d e\n  f`"


def test_wide_letters_count_as_the_terminal_shows_them() -> None:
    assert wrapped("日本 日本 日本", 9) == "日本 日本\n  日本"


def test_each_stream_has_its_own_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", "11")
    with os.fdopen(theirs, "w") as terminal:
        assert columns_of(terminal) == 11
        monkeypatch.setattr(sys, "stderr", terminal)
        say("aaaa bbbb cccc", err=True)
        say("aaaa bbbb cccc")
        monkeypatch.delenv("COLUMNS")
        assert columns_of(terminal) == 80, "it tells none"
    expected = b"aaaa bbbb\r\n  cccc\r\n"
    # The terminal hands on what it was given piece by piece.
    shown = b""
    while len(shown) < len(expected):
        shown += os.read(ours, 100)
    assert shown == expected
    os.close(ours)
    assert capsys.readouterr().out == "aaaa bbbb cccc\n"


EVIL = "bad column \x1b]0;pwned\x07\x1b[2J\r\u202e"
SHOWN = "bad column \\x1b]0;pwned\\x07\\x1b[2J\\r\\u202e"


def test_what_steers_a_terminal_is_shown_and_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    """Names come from manifests, and messages from servers."""
    say(f"Failed: {EVIL}\n  second line")
    notice(EVIL)
    assert capsys.readouterr() == (f"Failed: {SHOWN}\n  second line\n", f"rowmill: {SHOWN}\n")


def test_a_question_steers_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert not confirmed(EVIL)
    assert capsys.readouterr().err.rstrip() == f"{SHOWN} [y/N]:"


def test_a_line_that_changes_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    WaitingLine().show(EVIL)
    assert capsys.readouterr().err == f"\r\x1b[2K{SHOWN}"


def test_bars_steer_no_terminal() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    with Bars(console, transient=False) as bars:
        bars.table(f"t {EVIL}", Bar(1, 2, 50, f"w {EVIL}"))
        bars.foot(lambda: f"f {EVIL}")
    for text in (f"t {SHOWN}", f"w {SHOWN}", f"f {SHOWN}"):
        assert text in screen.getvalue()
    assert "\x1b]0" not in screen.getvalue()
