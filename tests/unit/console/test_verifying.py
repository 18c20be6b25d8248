"""Verifications in the background: one of an experiment, whoever waits, and no thread held."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from rowmill.console.verifying import Verifying
from rowmill.engine.interface import Engine
from rowmill.errors import NotFound


class Slow:
    """An engine whose verification ends when the test says so."""

    def __init__(self, found: object) -> None:
        self.asked = 0
        self.go = threading.Event()
        self._found = found

    def verify(self, name: str) -> Any:
        self.asked += 1
        self.go.wait()
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


async def verify(verifying: Verifying, engine: Slow, seconds: float) -> Any:
    return await verifying.verify(cast(Engine, engine), "shop", seconds)


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
