"""What the licences in the locks are judged by."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPT: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[2] / "scripts" / "check_licences.py")
)
Told, refusal = SCRIPT["Told"], SCRIPT["refusal"]
GPL = "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"
LGPL = "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"
MIT = "License :: OSI Approved :: MIT License"


@pytest.mark.parametrize(
    "told",
    [
        Told(expression="MIT"),
        Told(expression="Apache-2.0 AND CNRI-Python"),
        Told(expression="MIT OR GPL-3.0-or-later"),
        Told(text="BSD"),
        Told(classifiers=["Programming Language :: Python", MIT]),
        # The surer word counts, and a long text is no word.
        Told(expression="MIT", classifiers=[GPL]),
        Told(text="compatible with the GPL " * 20, classifiers=[MIT]),
    ],
)
def test_what_may_be_taken(told: Any) -> None:
    assert refusal("some", told) is None


@pytest.mark.parametrize(
    "told",
    [
        Told(expression="GPL-3.0-only"),
        Told(expression="GPL-2.0-or-later WITH Classpath-exception-2.0"),
        Told(expression="MIT AND AGPL-3.0-or-later"),
        Told(text="GPLv2"),
        Told(text="GNU General Public License"),
        Told(classifiers=[GPL]),
        Told(classifiers=[MIT, GPL]),
        Told(expression="LGPL-3.0-only"),
        Told(classifiers=[LGPL]),
    ],
)
def test_what_may_not(told: Any) -> None:
    assert "take another package" in refusal("some", told)


def test_the_lesser_one_is_let_pass_by_name_alone() -> None:
    assert refusal("psycopg", Told(expression="LGPL-3.0-only")) is None
    assert refusal("psycopg", Told(classifiers=[LGPL])) is None
    assert refusal("psycopg", Told(expression="LGPL-3.0-only AND GPL-3.0-only")) is not None


@pytest.mark.parametrize("told", [None, Told(), Told(text="all of this text. " * 10)])
def test_what_does_not_tell_is_looked_at_by_a_person(told: Any) -> None:
    assert "nothing tells its licence" in refusal("some", told)


def test_a_locks_names_are_read_in_one_spelling() -> None:
    lock = "# a lock\nPyYAML==6 \\\n    --hash=sha256:00\nboto3-stubs[s3]==1\nruamel.yaml==1\n"
    assert SCRIPT["locked"](lock) == {"pyyaml", "boto3-stubs", "ruamel-yaml"}
