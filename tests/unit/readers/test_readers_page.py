"""What docs/manifest.md says of the readers is what `make readers` opens the files with."""

from __future__ import annotations

import re
from pathlib import Path

from tests.readers.known import READERS

ROOT = Path(__file__).parents[3]
PACKAGES = {name: "pyspark" if name == "spark" else name for name in READERS}


def _locked(name: str) -> str:
    lock = (ROOT / "tests" / "readers" / f"{name}.lock").read_text(encoding="utf-8")
    found = re.search(rf"^{PACKAGES[name]}==(\S+)", lock, re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_page_names_every_reader_with_the_version_that_is_locked() -> None:
    page = (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| [^|]+ \| `(\w+)` (\S+) \|", page, re.MULTILINE)
    assert told == [(PACKAGES[name], _locked(name)) for name in READERS]


def test_make_readers_opens_them_in_all_of_them() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    default = re.search(r"^READERS \?= (.*)$", makefile, re.MULTILINE)
    assert default is not None
    assert default[1].split() == list(READERS)


def test_locks_hold_versions_and_hashes_and_no_addresses() -> None:
    locks = sorted((ROOT / "tests" / "readers").glob("*.lock"))
    assert {lock.name.removesuffix(".lock") for lock in locks} == {*READERS, "spark.build"}
    for lock in locks:
        lines = lock.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if not re.match(r"\S+==\S|    --hash=sha256:", line)] == []
