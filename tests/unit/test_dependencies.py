"""What the code imports, an install brings: each module of others is listed in pyproject.toml."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from rowmill.cli import failures as on_one_machine
from rowmill.kubectl import failures as on_a_cluster

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"rowmill", "rowmill_job", "rowmill_operator"}
# Released together, each version for one of the other.
SHARED = {"pydantic_core": ["pydantic"]}


def test_lazy_imports_are_seen_and_types_are_not() -> None:
    code = "if TYPE_CHECKING:\n    import a\ndef f():\n    from b.c import d\nimport sys, rowmill.x"
    assert set(imported(ast.parse(code))) == {"b"}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("rowmill", ("worker", "local", "kubectl", "console")),
        ("job_image/rowmill_job", ("worker", "job")),
        ("operator/rowmill_operator", ("operator",)),
    ],
)
def test_every_import_is_of_a_package_that_an_install_brings(
    folder: str, extras: tuple[str, ...]
) -> None:
    brought = listed(PROJECT["dependencies"]).union(*(of_extra(extra) for extra in extras))
    distributions = {**packages_distributions(), **SHARED}
    unlisted = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in (ROOT / folder).rglob("*.py")
        for module in imported(ast.parse(path.read_text(encoding="utf-8")))
        if not brought & {plain(name) for name in distributions.get(module, [])}
    }
    assert unlisted == set()


@pytest.mark.parametrize("face", [on_one_machine, on_a_cluster])
def test_a_face_names_the_extra_that_brings_the_module(face: object) -> None:
    distributions = packages_distributions()
    for module, extra in vars(face)["_EXTRAS"].items():
        assert of_extra(extra) & {plain(name) for name in distributions.get(module, [])}, module


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules of others that code imports when it runs, by their first name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module]
        first = {name.partition(".")[0] for name in names}
        yield from first - OURS - sys.stdlib_module_names
        yield from imported(node)


def of_extra(name: str) -> set[str]:
    return listed(PROJECT["optional-dependencies"][name])


def listed(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[\[<>=, ]", each, maxsplit=1)[0]) for each in requirements}


def plain(name: str) -> str:
    """A distribution's name as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()
