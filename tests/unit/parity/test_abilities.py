"""The table of abilities: it names all that the product can do, and argues what a face cannot."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
import typer
from typer.core import TyperGroup

import rowmill
from rowmill.cli.app import app
from rowmill.console.app import description
from rowmill.engine.interface import Engine
from rowmill.engine.warehouse import Warehouse
from rowmill.kubectl.app import app as plugin
from tests.parity.abilities import ABILITIES
from tests.parity.calling import Request, request
from tests.parity.cells import COLUMNS, Ability, Call, Hole, calls, column, markdown

RUN = Ability(
    name="run",
    cli=Call("rowmill run a|b"),
    plugin=Hole("no"),
    python=Call("run()"),
    rest=Call("POST /run"),
)
# How one calls, not what for: a browser's session, and the link of a download.
_NO_ABILITIES = {("post", "/session"), ("delete", "/session"), ("get", "/tickets/{ticket}")}


def test_every_ability_is_there_once() -> None:
    assert [
        name for name, times in Counter(each.name for each in ABILITIES).items() if times > 1
    ] == []


@pytest.mark.parametrize(("face", "of"), [("cli", app), ("plugin", plugin)])
def test_every_command_is_named_by_an_ability(face: str, of: typer.Typer) -> None:
    group = typer.main.get_command(of)
    assert isinstance(group, TyperGroup)
    assert set(group.commands) - set(_commands(face)) == set()


@pytest.mark.parametrize("protocol", [Engine, Warehouse])
def test_every_method_of_an_engine_is_named_by_an_ability(protocol: type) -> None:
    methods = {name for name, value in vars(protocol).items() if inspect.isfunction(value)}
    declared = {name for name in methods if name[0] != "_"}
    assert declared
    assert declared - _called_in_python() == set()


def test_every_function_and_method_of_python_is_named_by_an_ability() -> None:
    offered = {name for name in rowmill.__all__ if inspect.isfunction(getattr(rowmill, name))}
    methods = {name for name, _ in inspect.getmembers(rowmill.Experiment, inspect.isfunction)}
    # The first is what `engine` stands for.
    wanted = (offered - {"local_engine"}) | {name for name in methods if name[0] != "_"}
    assert wanted - _called_in_python() == set()


def test_every_call_of_the_api_is_named_by_an_ability_with_parameters_that_it_takes() -> None:
    served = {
        (verb, path.removeprefix("/api")): {each["name"] for each in call.get("parameters", ())}
        for path, verbs in description()["paths"].items()
        for verb, call in verbs.items()
    }
    named = set()
    for call in calls(ABILITIES, "rest").values():
        said = request(call.text)
        if said.path == "/openapi.json":
            continue
        (key,) = [key for key in served if _is_call(said, *key)]
        assert set(parse_qs(said.query.removeprefix("?"))) <= served[key], call.text
        named.add(key)
    assert set(served) - named == _NO_ABILITIES


@pytest.mark.parametrize("face", COLUMNS)
def test_every_hole_is_argued_in_a_sentence(face: str) -> None:
    holes = {
        name: cell.why for name, cell in column(ABILITIES, face).items() if isinstance(cell, Hole)
    }
    assert {
        name: why for name, why in holes.items() if len(why.split()) < 3 or why[-1] == "."
    } == {}


@pytest.mark.parametrize("ability", ABILITIES, ids=lambda ability: ability.name)
def test_every_ability_is_somewhere(ability: Ability) -> None:
    assert any(isinstance(getattr(ability, face), Call) for face in COLUMNS)


def test_a_row_has_a_cell_for_each_face() -> None:
    only = replace(RUN, name="run there", python=Call("run()", only="a cluster"))
    assert [*markdown([RUN, only])] == [
        "| ability | `rowmill` | `kubectl rowmill` | Python | [REST](api.md) |",
        "|---|---|---|---|---|",
        "| run | `rowmill run a\\|b` | not here: no | `run()` | `POST /run` |",
        "| run there | `rowmill run a\\|b` | not here: no | `run()` (a cluster alone) | "
        "`POST /run` |",
    ]


def _is_call(said: Request, verb: str, path: str) -> bool:
    pattern = re.sub(r"\{\w+\}", "[^/]+", path)
    return said.verb.lower() == verb and re.fullmatch(pattern, said.path) is not None


def _commands(face: str) -> Iterator[str]:
    for call in calls(ABILITIES, face).values():
        words = call.text.split()
        yield words[words.index("rowmill") + 1]


def _called_in_python() -> set[str]:
    trees = [ast.parse(call.text) for call in calls(ABILITIES, "python").values()]
    called = (node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {function.attr for function in called if isinstance(function, ast.Attribute)}
