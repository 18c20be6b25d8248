"""What README and docs say of commands, options, errors, tests and files is true."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer
from typer.core import TyperGroup

import rowmill
from rowmill.cli.app import app
from rowmill.engine.interface import Engine
from rowmill.engine.records import Progress, RunRecord, State, TableProgress
from rowmill.kubectl.app import app as plugin
from rowmill.spec.rules.warnings import RULES
from rowmill_job.outcome import REASONS
from rowmill_operator.model.reasons import Reason

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = sorted((ROOT / "rowmill").rglob("*.py"))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_TEST = re.compile(r"\b([\w/]+\.py)::(test_\w+)")
_REASON = re.compile(r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)*")
_COMMAND = re.compile(r"(?:^|[\s(\"/])(kubectl )?rowmill ([a-z]+)(?![\w./])")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][-a-z]*|-[a-z])(?![\w-])")
# Options in the docs that are not ours, by the program that they belong to.
_PROGRAMS = ("make", "pip", "uv", "docker", "aws", "eval", "git", "cd", "kubectl", "kind", "helm")
# And lines in which others have theirs.
_OTHERS = re.compile(r"\b(?:curl|python3) ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    dead = [link for link in _LINK.findall(_without_code(page)) if not _resolves(link, page)]
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_that_are_named_exist(page: Path) -> None:
    missing = [
        f"{file}::{name}"
        for file, name in _TEST.findall(page.read_text())
        if name not in _tests_of(ROOT / "tests" / file)
    ]
    assert missing == []


def test_every_guarantee_has_its_test() -> None:
    """A row of the guarantees names a test, or the command that measures or forces what it says."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = list(_rows_after(page, "| guarantee |"))
    assert len(rows) > 40
    assert {len(row) for row in rows} == {2}
    assert [row[0] for row in rows if not re.search(r"::test_|`make \w+", row[-1])] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    wrong = [problem for line in _code(page) for problem in _problems(line)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {m for line in _code(page) for m in re.findall(r"^make ([a-z0-9-]+)", line)}
    assert named <= targets


def test_every_command_is_in_the_readme() -> None:
    named = {m for line in _code(ROOT / "README.md") for m in _COMMAND.findall(line)}
    assert {("", name) for name in _commands(app)} <= named


def test_the_readme_names_the_commands_that_print_no_json() -> None:
    found = re.search(
        r"((?:`\w+`, )+`\w+` and `\w+`) have no `-o`", (ROOT / "README.md").read_text()
    )
    group = typer.main.get_command(app)
    assert found is not None
    assert isinstance(group, TyperGroup)
    without = {
        name
        for name, command in group.commands.items()
        if not any("-o" in option.opts for option in command.params)
    }
    assert set(re.findall(r"`(\w+)`", found[1])) == without


def test_every_command_of_the_plugin_is_in_the_page_on_kubernetes() -> None:
    page = ROOT / "docs" / "kubernetes.md"
    named = {m for line in _code(page) for m in _COMMAND.findall(line)}
    assert {("kubectl ", name) for name in _commands(plugin)} <= named


def test_every_reason_of_an_error_has_its_entry_and_no_other_has() -> None:
    known = _reasons()
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    told = {row[0].strip("`") for row in _rows_after(page, "| reason |")}
    assert known - told == set()
    assert told - known == set()


def test_every_reason_on_a_cluster_has_its_entry_and_no_other_has() -> None:
    known = {str(reason) for reason in Reason} | _reasons_of_pods()
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    told = [row[0].strip("`") for row in _rows_after(page, "| reason |")]
    assert known - set(told) == set()
    assert set(told) - known == set()
    assert len(told) == len(set(told))


def test_every_exit_code_is_told() -> None:
    from rowmill.terminal.failures import Exit

    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert [row[0] for row in _rows_after(page, "| code |")] == [str(int(code)) for code in Exit]


def test_every_state_and_every_key_of_a_run_is_told() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert [row[0].strip("`") for row in _rows_after(page, "| state |")] == [*State]
    run = RunRecord(experiment="shop", namespace="local", state=State.PENDING)
    keys = [key for row in _rows_after(page, "| key |") for key in _SPAN.findall(row[0])]
    assert set(keys) == set(Progress(run).to_json())
    assert len(keys) == len(set(keys))
    (*_, (_, tables)) = _rows_after(page, "| key |")
    assert set(TableProgress(name="orders").to_json()) <= set(_SPAN.findall(tables))


def test_every_warning_has_its_entry() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert len(list(_rows_after(page, "| warning |"))) == len(RULES)


def test_the_minimal_manifest_of_the_readme_is_the_example() -> None:
    blocks = [text for kind, text in _FENCE.findall((ROOT / "README.md").read_text())]
    assert (ROOT / "examples" / "minimal.yaml").read_text() in blocks


@pytest.mark.parametrize("page", ["README.md", "docs/faces.md"])
def test_the_python_of_a_page_uses_what_there_is(page: str) -> None:
    blocks = [t for kind, t in _FENCE.findall((ROOT / page).read_text()) if kind == "python"]
    assert blocks
    owners = {"rowmill": rowmill, "shop": rowmill.Experiment, "engine": Engine, "here": Engine}
    for node in (each for block in blocks for each in ast.walk(ast.parse(block))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = owners.get(node.value.id)
            assert owner is None or hasattr(owner, node.attr), node.attr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_variables_and_paths_are_those_of_the_product(page: Path) -> None:
    text = page.read_text()
    sources = "\n".join(_source(path) for path in [*SOURCES, ROOT / "tests" / "conftest.py"])
    assert [name for name in re.findall(r"ROWMILL_[A-Z_]+", text) if name not in sources] == []
    assert re.findall(r"(?<![\w.$~])/(?:work|root|home)\b[^\s`]*", text) == []


def _resolves(link: str, page: Path) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    path, _, anchor = link.partition("#")
    target = (page.parent / unquote(path)).resolve() if path else page
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


@cache
def _anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _without_code(page), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in kept)


def _without_code(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


@cache
def _tests_of(file: Path) -> frozenset[str]:
    if not file.exists():
        return frozenset()
    tree = ast.parse(_source(file))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@cache
def _source(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _rows_after(page: str, header: str) -> Iterator[list[str]]:
    """The cells of all rows of the tables that begin with `header`."""
    inside = False
    for line in page.splitlines():
        if line.startswith(header):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|---"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _code(page: Path) -> Iterator[str]:
    """Every code span, and every line of shell blocks, that a reader could type."""
    text = page.read_text()
    for kind, block in _FENCE.findall(text):
        if kind in ("sh", "shell", "bash"):
            joined = block.replace("\\\n", " ")
            yield from (line.partition(" # ")[0].strip() for line in joined.splitlines())
    yield from _SPAN.findall(_FENCE.sub("", text))


@cache
def _commands(of: typer.Typer) -> dict[str, frozenset[str]]:
    """The options of each command."""
    group = typer.main.get_command(of)
    assert isinstance(group, TyperGroup)
    return {
        name: frozenset(
            {option for parameter in command.params for option in parameter.opts} | {"-h", "--help"}
        )
        for name, command in group.commands.items()
    }


def _problems(line: str) -> Iterator[str]:
    options = set(_OPTION.findall(_unquoted(line)))
    found = _COMMAND.search(line)
    if found is None:
        if not (line.startswith(_PROGRAMS) or _OTHERS.search(line)):
            ours = (*_commands(app).values(), *_commands(plugin).values())
            known = frozenset().union(*ours, {"--help", "--version", "--install-completion"})
            yield from (f"{line}: no command has {option}" for option in options - known)
        return
    commands = _commands(plugin if found.group(1) else app)
    name = found.group(2)
    if name not in commands:
        yield f"{line}: there is no command {name}"
        return
    typed = set(_OPTION.findall(_unquoted(line[found.start() :].partition(" | ")[0])))
    yield from (f"{line}: {name} has no {option}" for option in typed - commands[name])


def _unquoted(line: str) -> str:
    """The words of a command without those in quotes, which may hold anything."""
    try:
        return " ".join(word for word in shlex.split(line) if " " not in word)
    except ValueError:
        return line


def _reasons() -> set[str]:
    """The words for machines: of every error, and of problems that verify tells."""
    trees = {path: ast.parse(_source(path)) for path in SOURCES}
    kinds = _error_classes(trees.values())
    found = set()
    for path, tree in trees.items():
        if path.parts[-2:] == ("postgres", "failures.py"):
            found |= {text for text in _texts(tree) if _REASON.fullmatch(text)}
        for first in _first_arguments(tree, kinds | {"Problem"}):
            found |= {text for text in _texts(first) if _REASON.fullmatch(text)}
    return found


def _error_classes(trees: Iterable[ast.AST]) -> set[str]:
    """The names of RowmillError and of all that derive from it."""
    bases = [
        (node.name, {ast.unparse(base).rpartition(".")[2] for base in node.bases})
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    found, before = {"RowmillError"}, 0
    while len(found) > before:
        before = len(found)
        found |= {name for name, above in bases if above & found}
    return found


def _first_arguments(tree: ast.AST, kinds: set[str]) -> Iterator[ast.expr]:
    """Where errors are made, and where their classes give themselves a reason."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            if node.func.id in kinds:
                yield node.args[0]
        elif isinstance(node, ast.ClassDef) and node.name in kinds:
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__":
                    yield call.args[0]


# Where a call of these in a pod has its reason, among its arguments.
_REASON_AT = {"BundleRefused": 0, "DestinationRefused": 0, "Outcome": 1}


def _reasons_of_pods() -> set[str]:
    """The words that a pod ends with beside those that the library refuses a destination with."""
    found = {"Fenced", "ImpossibleColumns", *REASONS.values()}
    for path in sorted((ROOT / "job_image" / "rowmill_job").glob("*.py")):
        for node in ast.walk(ast.parse(_source(path))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = _REASON_AT.get(node.func.id)
                if place is not None and len(node.args) > place:
                    found |= set(_texts(node.args[place]))
    # Neither is a failure.
    return found - {"Done", "Terminated"}


def _texts(tree: ast.AST) -> Iterable[str]:
    return (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
