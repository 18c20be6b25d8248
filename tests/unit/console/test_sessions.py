from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rowmill.console.auth.sessions import Sessions, cookie_name


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(tmp_path: Path, clock: Clock) -> Sessions:
    return Sessions(tmp_path / "console", 8470, clock)


def test_a_code_opens_once_and_not_for_long(sessions: Sessions, clock: Clock) -> None:
    code, late = sessions.new_code(), sessions.new_code()
    assert sessions.takes_code(code)
    assert not sessions.takes_code(code)
    assert not sessions.takes_code("")
    clock.now += 3601
    assert not sessions.takes_code(late)


def test_neither_half_of_a_session_opens_anything(sessions: Sessions, clock: Clock) -> None:
    one, other = sessions.open(), sessions.open()
    assert sessions.is_open(one.cookie, one.secret)
    for cookie, secret in [
        (one.cookie, None), (None, one.secret), (one.cookie, other.secret), ("", ""),
        (one.secret, one.cookie), (one.cookie, one.cookie),
    ]:  # fmt: skip
        assert not sessions.is_open(cookie, secret)
    sessions.close(one.cookie)
    assert not sessions.is_open(one.cookie, one.secret)
    clock.now += 31 * 24 * 3600
    assert not sessions.is_open(other.cookie, other.secret)


def test_a_console_that_is_started_again_knows_its_sessions_and_its_token(
    tmp_path: Path, sessions: Sessions, clock: Clock
) -> None:
    session, token = sessions.open(), sessions.token_file.read_text().strip()
    again = Sessions(tmp_path / "console", 8470, clock)
    assert again.is_open(session.cookie, session.secret)
    assert again.is_token(token)
    assert not again.is_token(token[:-1])
    assert not again.is_token("")


def test_what_is_kept_is_for_its_user_alone_and_opens_no_session(
    tmp_path: Path, sessions: Sessions
) -> None:
    session = sessions.open()
    folder = tmp_path / "console"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    kept = (folder / "sessions-8470.json").read_text()
    assert session.cookie not in kept
    assert session.secret not in kept


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_token_that_others_could_read_is_replaced(tmp_path: Path, mode: int) -> None:
    first = Sessions(tmp_path, 8470)
    token = first.token_file.read_text().strip()
    first.token_file.chmod(mode)
    second = Sessions(tmp_path, 8470)
    assert not second.is_token(token)
    assert stat.S_IMODE(second.token_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": 1}', '{"a": ["b", "c"]}'])
def test_damaged_sessions_open_nothing_and_stop_nobody(tmp_path: Path, damage: str) -> None:
    (tmp_path / "sessions-8470.json").write_text(damage)
    sessions = Sessions(tmp_path, 8470)
    session = sessions.open()
    assert sessions.is_open(session.cookie, session.secret)


def test_of_very_many_sessions_the_oldest_ends(sessions: Sessions, clock: Clock) -> None:
    first = sessions.open()
    for _ in range(100):
        clock.now += 1
        last = sessions.open()
    assert not sessions.is_open(first.cookie, first.secret)
    assert sessions.is_open(last.cookie, last.secret)


def test_a_cookie_is_of_its_port_and_under_tls_of_its_host() -> None:
    assert cookie_name(8470, tls=False) == "rowmill_8470"
    assert cookie_name(8470, tls=True) == "__Host-rowmill_8470"


def test_a_session_that_one_console_ended_no_other_brings_back(tmp_path: Path) -> None:
    one, other = Sessions(tmp_path, 8470), Sessions(tmp_path, 8471)
    session = one.open()
    assert not other.is_open(session.cookie, session.secret)
    one.close(session.cookie)
    other.open()
    assert not Sessions(tmp_path, 8470).is_open(session.cookie, session.secret)
