"""A mounted Secret is read as the kubelet keeps it, at each call."""

import stat
from pathlib import Path

import pytest

from rowmill.destinations.credentials import DirectoryCredentials
from rowmill.destinations.errors import DestinationRefused
from rowmill.spec.secret_keys import POSTGRES_KEYS, S3_KEYS


def mounted(folder: Path, values: dict[str, str], version: str = "1") -> Path:
    """Swap a new version of a Secret in, as the kubelet does."""
    data = folder / f"..{version}"
    data.mkdir(parents=True)
    for key, value in values.items():
        (data / key).write_text(value)
        if not (folder / key).is_symlink():
            (folder / key).symlink_to(Path("..data") / key)
    (folder / "..next").symlink_to(data.name)
    (folder / "..next").rename(folder / "..data")
    return folder


def credentials(path: Path, required: tuple[str, ...] = ()) -> DirectoryCredentials:
    return DirectoryCredentials("warehouse", path, POSTGRES_KEYS, required)


def test_keys_are_files_and_others_are_left_alone(tmp_path: Path) -> None:
    mounted(tmp_path, {"PGHOST": "db", "PGPASSWORD": " s $x\n", "OTHER": "1"})
    assert credentials(tmp_path)() == {"PGHOST": "db", "PGPASSWORD": " s $x"}


def test_a_plain_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "PGHOST").write_text("db")
    assert credentials(tmp_path)() == {"PGHOST": "db"}


def test_a_rotated_secret_is_seen_at_the_next_call(tmp_path: Path) -> None:
    source = credentials(mounted(tmp_path, {"PGPASSWORD": "old", "PGHOST": "db"}))
    assert source()["PGPASSWORD"] == "old"
    mounted(tmp_path, {"PGPASSWORD": "new"}, "2")
    assert source() == {"PGPASSWORD": "new"}


def test_a_secret_that_is_swapped_while_it_is_read_is_read_again_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(tmp_path, {"PGHOST": "old", "PGPASSWORD": "old"})
    read = Path.read_text

    def swap_first(self: Path, encoding: str | None = None) -> str:
        text = read(self, encoding=encoding)
        if not (tmp_path / "..2").exists():
            mounted(tmp_path, {"PGHOST": "new", "PGPASSWORD": "new"}, "2")
        return text

    monkeypatch.setattr(Path, "read_text", swap_first)
    assert credentials(tmp_path)() == {"PGHOST": "new", "PGPASSWORD": "new"}


@pytest.mark.parametrize("values", [{}, {"PGHOST": ""}, {"PGHOST": "\n"}])
def test_a_missing_or_empty_required_key_is_named(tmp_path: Path, values: dict[str, str]) -> None:
    mounted(tmp_path, {"PGPASSWORD": "secret", **values})
    with pytest.raises(
        DestinationRefused, match="'warehouse' has no PGHOST and no PGUSER"
    ) as error:
        credentials(tmp_path, ("PGHOST", "PGUSER"))()
    assert error.value.reason == "SecretMissing"
    assert "secret" not in str(error.value).replace("Secret", "")


def test_a_secret_that_is_not_mounted_is_named(tmp_path: Path) -> None:
    with pytest.raises(DestinationRefused, match="'warehouse' is not mounted") as error:
        credentials(tmp_path / "nowhere")()
    assert error.value.reason == "SecretMissing"
    assert str(tmp_path / "nowhere") in str(error.value)
    assert "must be in" not in str(error.value), "it may well be there: this pod lacks it"


def test_a_key_that_is_no_text_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "PGPASSWORD").write_bytes(b"\xffsecret")
    with pytest.raises(DestinationRefused, match=r"PGPASSWORD .* is not UTF-8") as error:
        credentials(tmp_path)()
    assert "secret" not in str(error.value).replace("Secret", "")


def test_a_mounted_authority_is_the_root_certificate_unless_one_is_named(tmp_path: Path) -> None:
    mounted(tmp_path, {"PGHOST": "db", "ca.crt": "PEM"})
    assert credentials(tmp_path)()["PGSSLROOTCERT"] == str(tmp_path / "ca.crt")
    mounted(tmp_path, {"PGSSLROOTCERT": "system", "ca.crt": "PEM"}, "2")
    assert credentials(tmp_path)()["PGSSLROOTCERT"] == "system"
    assert DirectoryCredentials("lake", tmp_path, S3_KEYS)() == {}


def test_a_mounted_client_certificate_is_used_with_a_key_that_libpq_takes(tmp_path: Path) -> None:
    source = credentials(mounted(tmp_path / "a", {"tls.crt": "CERT", "tls.key": "old"}))
    source()
    mounted(tmp_path / "a", {"tls.crt": "CERT", "tls.key": "new"}, "2")
    found = source()
    assert found["PGSSLCERT"] == str(tmp_path / "a/tls.crt")
    key = Path(found["PGSSLKEY"])
    assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == ("new", 0o600)
    key.unlink()
    named = credentials(mounted(tmp_path / "b", {"PGSSLKEY": "/my.key", "tls.key": "x"}))
    assert named() == {"PGSSLKEY": "/my.key"}
    assert not key.exists()


def test_values_are_not_in_the_repr(tmp_path: Path) -> None:
    assert "hidden" not in repr(credentials(mounted(tmp_path, {"PGPASSWORD": "hidden"})))
