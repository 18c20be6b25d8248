"""The reserve of a full disk is taken where there is room, and freed where there is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from rowmill.local.home.disk_reserve import RESERVE_BYTES, release, set_aside
from rowmill.local.home.folder import Home


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A disk of which a test says how much is `free`."""
    found = SimpleNamespace(free=1 << 40)
    monkeypatch.setattr("shutil.disk_usage", lambda path: found)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.postgres.mkdir()
    return home


def test_it_takes_its_room_on_the_disk(home: Home, disk: SimpleNamespace) -> None:
    set_aside(home)
    assert home.reserve.stat().st_blocks * 512 >= RESERVE_BYTES
    taken = home.reserve.stat()
    set_aside(home)
    assert home.reserve.stat() == taken


def test_where_little_is_free_it_is_left_to_the_data(home: Home, disk: SimpleNamespace) -> None:
    disk.free = 2 * RESERVE_BYTES
    set_aside(home)
    assert not home.reserve.exists()


def test_a_removal_frees_it_on_a_full_disk_alone(home: Home, disk: SimpleNamespace) -> None:
    set_aside(home)
    release(home)
    assert home.reserve.exists()
    disk.free = 0
    release(home)
    assert not home.reserve.exists()


def test_a_home_without_servers_has_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "nowhere")
    set_aside(home)
    release(home)
    assert not home.path.exists()
