"""The images hold the versions that the tests ran with, and nothing that they do not need."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
LOCKS = ["job_image/requirements.lock", "operator/requirements.lock"]


def pinned(name: str) -> set[str]:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9.-]+==[^ ;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_versions_are_those_of_the_whole_projects_lock(lock: str) -> None:
    assert pinned(lock)
    assert pinned(lock) - pinned("requirements.lock") == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_no_address(lock: str) -> None:
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    assert text.count("--hash=sha256:") >= len(pinned(lock))
    assert "://" not in text


def test_the_operators_image_has_neither_arrow_nor_drivers() -> None:
    names = {pin.partition("==")[0] for pin in pinned("operator/requirements.lock")}
    assert names & {"numpy", "pyarrow", "pgpq", "psycopg", "psycopg-binary", "botocore"} == set()
