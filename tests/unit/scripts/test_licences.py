"""Which licences of locked packages are accepted."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "check_licences.py"))
Stated, problem = SCRIPT["Stated"], SCRIPT["problem"]


@pytest.mark.parametrize(
    "stated",
    [
        Stated(expression="MIT"),
        Stated(expression="Apache-2.0 AND MIT"),
        Stated(expression="GPL-2.0-only OR MIT"),
        Stated(classifiers=("BSD License", "Apache Software License"), text="Dual License"),
        Stated(text="BSD-3-Clause"),
        # The expression is the newer and the exact statement.
        Stated(expression="MIT", classifiers=("GNU General Public License (GPL)",)),
        # Whole texts name the licences of what is bundled too; the classifier says which it is.
        Stated(classifiers=("BSD License",), text="Copyright ... libgfortran: GPL"),
    ],
)
def test_permissive_licences_pass(stated: Any) -> None:
    assert problem("thing", stated) is None


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        (Stated(expression="GPL-3.0-or-later"), "GPL-3.0-or-later"),
        (Stated(expression="MIT AND AGPL-3.0-only"), "MIT AND AGPL-3.0-only"),
        (Stated(expression="(MIT OR ISC) AND GPL-2.0-only"), "(MIT OR ISC) AND GPL-2.0-only"),
        (
            Stated(classifiers=("MIT License", "GNU General Public License v3 (GPLv3)")),
            "MIT License, GNU General Public License v3 (GPLv3)",
        ),
        (Stated(text="AGPL"), "AGPL"),
        (Stated(expression="LGPL-3.0-only"), "LGPL-3.0-only"),
    ],
)
def test_copyleft_is_refused_by_name(stated: Any, named: str) -> None:
    refused = f"thing is under {named!r}, which is not accepted: use another package"
    assert problem("thing", stated) == refused


@pytest.mark.parametrize(("licence", "passes"), [("LGPL-3.0-only", True), ("GPL-3.0-only", False)])
def test_psycopg_may_be_under_the_lesser_gpl_alone(licence: str, passes: bool) -> None:
    assert (problem("psycopg", Stated(expression=licence)) is None) == passes


def test_a_package_that_states_nothing_is_read_by_hand() -> None:
    assert problem("thing", Stated()) == ("thing states no licence: read it and list it in BY_HAND")
    assert problem("pywin32", Stated()) is None


def test_a_lock_names_each_package_once() -> None:
    lock = (
        "numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash=sha256:00\n    # via scipy==1\n"
        "numpy==2.5.5\nmoto[s3]==5.1\n"
    )
    assert SCRIPT["locked"](lock) == ["numpy", "moto"]


def test_only_locked_packages_are_excepted() -> None:
    locked = SCRIPT["locked"]((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert {*SCRIPT["LESSER"], *SCRIPT["BY_HAND"]} <= set(locked)
