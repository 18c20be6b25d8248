"""Each image holds every module of this repository that its process imports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parents[3]


def copied(dockerfile: str) -> list[Path]:
    """What a Dockerfile copies of the repository."""
    text = (REPOSITORY / dockerfile).read_text(encoding="utf-8")
    copies = re.findall(r"^COPY ((?!--from).*) \S+$", text, re.MULTILINE)
    return [REPOSITORY / source for copy in copies for source in copy.split()]


def files_of(module: str, folder: str) -> Iterator[Path]:
    """The file of a module, and those of the packages around it, which are imported before it."""
    path = REPOSITORY / folder
    for part in module.split("."):
        path /= part
        yield path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize(
    ("folder", "package"), [("operator", "rowmill_operator"), ("job_image", "rowmill_job")]
)
def test_an_image_holds_every_module_that_its_process_imports(folder: str, package: str) -> None:
    graph = grimp.build_graph(
        "rowmill", package, exclude_type_checking_imports=True, cache_dir=None
    )
    own = {package} | graph.find_descendants(package)
    others = graph.find_upstream_modules(package, as_package=True) - own
    assert "rowmill.spec.cluster_names" in others
    needed = {file for module in own for file in files_of(module, folder)}
    needed |= {file for module in others for file in files_of(module, "")}
    assert all(file.is_file() for file in needed)
    there = copied(f"{folder}/Dockerfile")
    missing = {file for file in needed if not any(file.is_relative_to(one) for one in there)}
    assert missing == set()
