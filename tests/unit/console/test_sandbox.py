"""Manifests in processes of their own: what is answered, and what a heavy one costs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import psutil
import pytest

from rowmill.console.sandbox import sandbox as module
from rowmill.console.sandbox.requests import Text
from rowmill.console.sandbox.sandbox import Sandbox
from rowmill.errors import Invalid, Unavailable
from rowmill.spec.problems import InvalidManifest

SHOP = (Path(__file__).parents[3] / "examples" / "shop.yaml").read_text()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    found = Sandbox()
    yield found
    found.close()


def children() -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process().children()
        if "rowmill.console.sandbox.process" in each.cmdline()
    ]


def test_a_manifest_is_judged(sandbox: Sandbox) -> None:
    found = sandbox.ask("validate", Text(SHOP, scale="0.01"))
    assert (found["name"], found["tables"]) == ("shop", 11)
    assert sandbox.ask("validate", Text(SHOP, scale="0.02"))["rows"] > found["rows"]


def test_its_problems_come_with_their_places(sandbox: Sandbox) -> None:
    with pytest.raises(Invalid) as caught:
        sandbox.ask("validate", Text("kind: [\n"))
    assert caught.value.reason == "InvalidManifest"
    assert isinstance(caught.value, InvalidManifest)
    assert caught.value.problems[0].line is not None


def test_one_process_answers_again_and_again(sandbox: Sandbox) -> None:
    sandbox.ask("validate", Text(SHOP))
    before = {each.pid for each in children()}
    for _ in range(5):
        sandbox.ask("validate", Text(SHOP))
    assert {each.pid for each in children()} == before


def test_what_takes_too_long_is_ended_and_the_next_is_answered() -> None:
    sandbox, others = Sandbox(seconds=0.001), children()
    try:
        with pytest.raises(Invalid, match="too long"):
            sandbox.ask("validate", Text(SHOP))
        assert children() == others
    finally:
        sandbox.close()


def test_what_takes_too_much_memory_is_refused() -> None:
    sandbox = Sandbox(memory=8 * 2**20)
    try:
        with pytest.raises(Invalid, match="too much memory"):
            sandbox.ask("validate", Text(f"a: [{'[1],' * 200_000}]"))
    finally:
        sandbox.close()


def test_one_that_was_killed_is_replaced(sandbox: Sandbox) -> None:
    sandbox.ask("validate", Text(SHOP))
    for each in children():
        each.kill()
    # One that the kernel ends is told as it would be of a manifest that takes too much.
    with pytest.raises(Invalid, match="too much memory"):
        sandbox.ask("validate", Text(SHOP))
    assert sandbox.ask("validate", Text(SHOP))["name"] == "shop"


def test_closed_it_leaves_no_process() -> None:
    sandbox, others = Sandbox(), children()
    sandbox.ask("validate", Text(SHOP))
    assert len(children()) == len(others) + 1
    sandbox.close()
    assert children() == others


def test_an_error_class_comes_through_whole(sandbox: Sandbox) -> None:
    with pytest.raises(Invalid):
        sandbox.ask("validate", Text(SHOP, scale="nonsense"))


def test_who_would_wait_behind_too_many_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else who waits would hold all threads that answer calls."""
    monkeypatch.setattr(module, "_PROCESSES", 0)
    monkeypatch.setattr(module, "_TURN_SECONDS", 600.0)
    monkeypatch.setattr(module, "_MOST_WAITING", 3)
    sandbox, told = Sandbox(), Queue[str]()

    def ask() -> None:
        try:
            sandbox.ask("validate", Text(SHOP))
        except Unavailable as error:
            told.put(error.reason)

    for _ in range(4):
        threading.Thread(target=ask, daemon=True).start()
    assert told.get() == "Busy"
    assert told.empty()
