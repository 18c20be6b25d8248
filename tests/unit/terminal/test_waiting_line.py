"""The line that a waiting command writes over."""

import pytest

from rowmill.terminal.waiting_line import WaitingLine


def test_it_is_written_over_in_place_and_taken_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    line = WaitingLine()
    line.clear()
    line.show("for another 58 s")
    line.show("a text that is too long by far")
    line.clear()
    line.clear()
    erase = "\r\x1b[2K"
    assert capsys.readouterr().err == (f"{erase}for another 58 s{erase}a text that is too…{erase}")
