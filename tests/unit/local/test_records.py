"""What a home remembers of experiments."""

import stat
from pathlib import Path

from rowmill.local import records
from rowmill.local.home import Home
from rowmill.local.records import ExperimentRecord

RECORD = ExperimentRecord("shop", "the manifest", "0.5", 3, {"lake": Path("/secrets/lake.env")})


def test_a_record_is_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert records.recall(home, "shop") is None
    assert records.names(home) == []
    records.keep(home, RECORD)
    assert records.recall(home, "shop") == RECORD
    other = ExperimentRecord("shop", "edited", None, None, {})
    records.keep(home, other)
    assert records.recall(home, "shop") == other
    assert records.names(home) == ["shop"]
    records.forget(home, "shop")
    records.forget(home, "shop")
    assert records.names(home) == []


def test_the_data_version_of_the_last_run_is_kept_beside_and_forgotten(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert records.last_data_version(home, "shop") is None
    records.keep_data_version(home, "shop", 2)
    assert records.names(home) == [], "Python keeps no manifest"
    records.keep(home, RECORD)
    assert records.last_data_version(home, "shop") == 2
    records.keep_data_version(home, "shop", 1)
    assert records.last_data_version(home, "shop") == 1
    assert records.last_data_version(home, "other") is None
    records.forget(home, "shop")
    assert records.last_data_version(home, "shop") is None


def test_a_home_that_cannot_be_used_remembers_no_data_version(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.path.write_text("a file")
    records.keep_data_version(home, "shop", 2)
    assert records.last_data_version(home, "shop") is None


def test_records_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    records.keep(home, RECORD)
    records.keep_data_version(home, "shop", 2)
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
        assert records.recall(home, name) is None
