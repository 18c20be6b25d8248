"""What a home remembers of experiments."""

import json
import stat
from pathlib import Path

import pytest

from rowmill.errors import Refused
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import forget
from rowmill.local.home.remembered import MemoryDamaged, Remembered
from rowmill.local.source import recalled
from tests.integration.experiments import manifest

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
    forget(home, "shop")
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
    forget(home, "shop")
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


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("manifest.yaml", b"\xff\xfe"),
        ("record.json", b""),
        ("record.json", b"\xff"),
        ("record.json", b"[]"),
        ("record.json", b'{"scale": null, "seed": null}'),
        ("record.json", b'{"scale": 2, "seed": null, "secrets": {}}'),
        ("record.json", b'{"scale": null, "seed": null, "secrets": {"lake": 5}}'),
    ],
)
def test_a_damaged_memory_names_its_file_and_two_ways_out(
    tmp_path: Path, file: str, content: bytes
) -> None:
    home = Home(tmp_path / "home")
    remembered.keep(home, SHOP)
    damaged = remembered.folder(home, "shop") / file
    damaged.write_bytes(content)
    with pytest.raises(MemoryDamaged) as found:
        remembered.recall(home, "shop")
    _names_file_and_ways_out(found.value, damaged)


def test_a_remembered_manifest_that_is_no_good_any_more_is_damaged_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("ROWMILL_HOME", str(home.path))
    remembered.keep(home, SHOP)
    with pytest.raises(MemoryDamaged) as found:
        recalled(home, "shop").spec()
    _names_file_and_ways_out(found.value, remembered.folder(home, "shop") / "manifest.yaml")
    assert found.value.problems


def _names_file_and_ways_out(error: MemoryDamaged, file: Path) -> None:
    assert (error.reason, error.message.startswith(f"{file}, ")) == ("MemoryDamaged", True)
    for way in ("`rowmill run -f FILE`", "`rowmill delete shop --keep-data`"):
        assert way in error.message


@pytest.mark.parametrize("path", ["home", "home/experiments"])
def test_of_a_home_that_is_a_file_nothing_is_said_but_that(tmp_path: Path, path: str) -> None:
    home = Home(tmp_path / "home")
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("a file")
    for ask in (remembered.names, lambda home: remembered.recall(home, "shop")):
        with pytest.raises(Refused, match=rf"Not a directory\. ROWMILL_HOME \({home.path}\)"):
            ask(home)


@pytest.mark.parametrize("name", ["n" * 300, "\udcff", "é" * 200, "n\0"])
def test_a_name_of_which_no_folder_can_be_is_known_to_nobody(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path / "home")
    remembered.keep(home, SHOP)
    assert remembered.recall(home, name) is None
    assert remembered.last_progress(home, name) is None


def test_a_source_is_read_by_the_data_version_of_its_own_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other = Home(tmp_path / "home"), Home(tmp_path / "other")
    monkeypatch.setenv("ROWMILL_HOME", str(other.path))
    text = json.dumps(manifest("shop"))
    for each, version in ((home, 1), (other, 2)):
        remembered.keep(each, Remembered("shop", text, None, None, {}))
        remembered.keep_data_version(each, "shop", version)
    assert recalled(home, "shop").spec().data_version == 1
    assert recalled(other, "shop").spec().data_version == 2
