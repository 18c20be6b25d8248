"""Which runs are alive on this machine, and that nothing stays of what is over or was refused."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from rowmill.errors import Conflict
from rowmill.local.home import liveness, remembered
from rowmill.local.home.file_locks import locked
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import (
    forget,
    is_supervised,
    supervised,
    supervises_unnamed,
    supervising,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_run_that_left_nothing_but_its_lock_leaves_no_folder(home: Home) -> None:
    with supervising(home, "shop"):
        assert supervised(home) == ["shop"]
    assert os.listdir(home.experiments) == []


def test_the_folder_stays_while_another_run_of_the_name_lives(home: Home) -> None:
    with supervising(home, "shop"):
        with supervising(home, "shop"):
            pass
        assert is_supervised(home, "shop")
    assert os.listdir(home.experiments) == []


def test_what_a_run_left_stays(home: Home) -> None:
    with supervising(home, "shop"):
        remembered.keep_data_version(home, "shop", 2)
    assert remembered.last_data_version(home, "shop") == 2
    assert not is_supervised(home, "shop")


def test_a_run_that_begins_while_its_folder_is_removed_holds_what_is_there(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered.keep_data_version(home, "shop", 2)
    make, removals = remembered.make_folder, iter([forget])

    def make_and_lose(home: Home, name: str) -> Path:
        made = make(home, name)
        for remove in removals:
            remove(home, name)
        return made

    monkeypatch.setattr(remembered, "make_folder", make_and_lose)
    with supervising(home, "shop"):
        assert is_supervised(home, "shop")


def test_a_run_that_waited_for_the_lock_of_a_removed_folder_takes_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = iter([True])

    def late(path: Path, flags: int, how: int) -> int:
        descriptor = locked(path, flags, how)
        if next(first, False):
            path.unlink()
            path.parent.rmdir()
        return descriptor

    monkeypatch.setattr(liveness, "locked", late)
    with supervising(home, "shop"):
        assert is_supervised(home, "shop")


def test_a_live_run_is_not_forgotten(home: Home) -> None:
    with supervising(home, "shop"):
        remembered.keep_data_version(home, "shop", 2)
        with pytest.raises(Conflict, match="shop is run here now; stop that first with") as found:
            forget(home, "shop")
        assert is_supervised(home, "shop")
    assert found.value.reason == "RunLive"
    assert remembered.last_data_version(home, "shop") == 2


def test_what_is_forgotten_leaves_no_folder(home: Home) -> None:
    with supervising(home, "shop"):
        remembered.keep_data_version(home, "shop", 2)
        (remembered.folder(home, "shop") / "logs").mkdir()
    forget(home, "shop")
    forget(home, "shop")
    assert os.listdir(home.experiments) == []


def test_a_run_that_can_have_no_folder_is_known_without_its_name(home: Home) -> None:
    home.experiments.mkdir(parents=True)
    remembered.folder(home, "shop").write_text("a file, not a folder")
    assert not supervises_unnamed(home)
    with supervising(home, "shop"):
        assert supervised(home) == []
        assert supervises_unnamed(home)
    assert not supervises_unnamed(home)


def test_a_run_that_has_ended_is_not_alive_in_a_child_that_its_program_forked(home: Home) -> None:
    reading, writing = os.pipe()
    with supervising(home, "shop"):
        remembered.keep_data_version(home, "shop", 2)
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
    try:
        assert not is_supervised(home, "shop")
    finally:
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


def test_who_looks_does_not_take_another_who_looks_for_a_run(home: Home) -> None:
    remembered.keep_data_version(home, "shop", 2)
    with supervising(home, "shop"):
        pass
    lock = locked(
        remembered.folder(home, "shop") / "run.lock", os.O_RDWR, fcntl.LOCK_EX | fcntl.LOCK_NB
    )
    looks = threading.Timer(0.004, os.close, [lock])
    looks.start()
    assert not is_supervised(home, "shop")
    looks.join()
