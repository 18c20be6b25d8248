"""Verifications in the background: one of an experiment, whoever waits, and no thread held."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from rowmill.console import verifying as module
from rowmill.console.verifying import Verifying
from rowmill.engine.interface import Engine
from rowmill.errors import NotFound, Unavailable


class Slow:
    """An engine whose verification ends when the test says so."""

    def __init__(self, found: object) -> None:
        self.asked = 0
        self.go = threading.Event()
        self.found = found

    def verify(self, name: str) -> Any:
        self.asked += 1
        self.go.wait()
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


async def verify(verifying: Verifying, engine: Slow, seconds: float) -> Any:
    return await verifying.verify(cast(Engine, engine), "shop", seconds)


def test_what_ended_while_nobody_waited_is_no_answer_to_who_asks_later() -> None:
    verifying, engine = Verifying(), Slow("then")

    async def work() -> Any:
        assert await verify(verifying, engine, 0) is None
        engine.go.set()
        while any(each.name == "verify shop" for each in threading.enumerate()):
            await asyncio.sleep(0.005)
        engine.found = "now"
        return await verify(verifying, engine, 600)

    assert asyncio.run(work()) == "now"
    assert engine.asked == 2


def test_no_verification_holds_up_the_end_of_the_console() -> None:
    verifying, engine = Verifying(), Slow("found")
    assert asyncio.run(verify(verifying, engine, 0)) is None
    [thread] = [each for each in threading.enumerate() if each.name == "verify shop"]
    assert thread.daemon
    engine.go.set()
    thread.join()


def test_those_that_wait_for_their_turn_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 3)
    verifying, engine = Verifying(), Slow("found")

    async def work() -> None:
        for name in ("a", "b", "c"):
            assert await verifying.verify(cast(Engine, engine), name, 0) is None
        with pytest.raises(Unavailable, match="too many verifications"):
            await verifying.verify(cast(Engine, engine), "d", 0)
        assert engine.asked == 2
        verifying.close()
        engine.go.set()
        with pytest.raises(Unavailable, match="the console is ending"):
            await verifying.verify(cast(Engine, engine), "c", 600)

    asyncio.run(work())


def test_who_waits_in_vain_asks_again_for_the_same() -> None:
    verifying, engine = Verifying(), Slow("found")

    async def work() -> list[Any]:
        assert await verify(verifying, engine, 0.01) is None
        before = threading.active_count()
        waiting = [asyncio.ensure_future(verify(verifying, engine, 600)) for _ in range(100)]
        await asyncio.sleep(0.01)
        assert threading.active_count() == before
        engine.go.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(work()) == ["found"] * 100
    assert engine.asked == 1
    assert asyncio.run(verify(verifying, engine, 600)) == "found"
    assert engine.asked == 2


def test_what_goes_wrong_is_told_to_who_waits_and_not_to_who_asks_anew() -> None:
    verifying, engine = Verifying(), Slow(NotFound("NothingPublished", "no"))
    engine.go.set()
    for asked in (1, 2):
        with pytest.raises(NotFound):
            asyncio.run(verify(verifying, engine, 600))
        assert engine.asked == asked
