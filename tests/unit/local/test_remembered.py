"""What a home remembers of experiments."""

import stat
from pathlib import Path

from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.remembered import Remembered

SHOP = Remembered("shop", "the manifest", "0.5", 3, {"lake": Path("/secrets/lake.env")})


def test_a_record_is_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert remembered.recall(home, "shop") is None
    assert remembered.names(home) == []
    remembered.keep(home, SHOP)
    assert remembered.recall(home, "shop") == SHOP
    other = Remembered("shop", "edited", None, None, {})
    remembered.keep(home, other)
    assert remembered.recall(home, "shop") == other
    assert remembered.names(home) == ["shop"]
    remembered.forget(home, "shop")
    remembered.forget(home, "shop")
    assert remembered.names(home) == []


def test_the_data_version_of_the_last_run_is_kept_beside_and_forgotten(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert remembered.last_data_version(home, "shop") is None
    remembered.keep_data_version(home, "shop", 2)
    assert remembered.names(home) == [], "Python keeps no manifest"
    remembered.keep(home, SHOP)
    assert remembered.last_data_version(home, "shop") == 2
    remembered.keep_data_version(home, "shop", 1)
    assert remembered.last_data_version(home, "shop") == 1
    assert remembered.last_data_version(home, "other") is None
    remembered.forget(home, "shop")
    assert remembered.last_data_version(home, "shop") is None


def test_a_home_that_cannot_be_used_remembers_no_data_version(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.path.write_text("a file")
    remembered.keep_data_version(home, "shop", 2)
    assert remembered.last_data_version(home, "shop") is None


def test_what_is_remembered_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    remembered.keep(home, SHOP)
    remembered.keep_data_version(home, "shop", 2)
    modes = {
        stat.S_IMODE(path.stat().st_mode) for path in home.experiments.rglob("*") if path.is_file()
    }
    assert modes == {0o600}
    assert stat.S_IMODE(home.experiments.stat().st_mode) == 0o700


def test_a_name_typed_by_hand_stays_within_the_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (tmp_path / "manifest.yaml").write_text("outside")
    (tmp_path / "record.json").write_text("{}")
    for name in ("..", "../..", "", "a/../../.."):
        assert remembered.recall(home, name) is None
