"""Watchers of runs: one look for all of them, the newest for each, and always the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from rowmill.console import watching as module
from rowmill.console.watching import Watched, Watching
from rowmill.engine.cancellation import Cancellation
from rowmill.engine.interface import Engine
from rowmill.engine.records import Progress, RunRecord, State
from rowmill.errors import NotFound, RowmillError, Unavailable


def progress(rows: int) -> Progress:
    state = State.RUNNING
    return Progress(RunRecord(experiment="shop", namespace="", state=state, number=1, rows=rows))


class Stepped:
    """An engine whose run goes a step on whenever the test says so, and ends after the last."""

    def __init__(self, *steps: Progress | RowmillError | str) -> None:
        self.steps = list(steps)
        self.looks = 0
        self.go = threading.Semaphore(0)

    def watch(
        self,
        name: str,
        run: int | None,
        *,
        waiting: Callable[[str], None],
        cancellation: Cancellation,
    ) -> Iterator[Progress]:
        self.looks += 1
        while self.steps:
            while not self.go.acquire(timeout=0.005):
                cancellation.check()
            step = self.steps.pop(0)
            if isinstance(step, RowmillError):
                raise step
            if isinstance(step, str):
                waiting(step)
            else:
                yield step

    def watching(self) -> Watching:
        return Watching(cast(Engine, self))


async def until(met: Callable[[], bool]) -> None:
    while not met():
        await asyncio.sleep(0.005)


def looking() -> int:
    return sum(each.name == "watch shop" for each in threading.enumerate())


def kinds(heard: bytes) -> list[str]:
    return [line[7:] for line in heard.decode().splitlines() if line.startswith("event: ")]


async def heard(watched: Watched) -> bytes:
    try:
        return b"".join([event async for event in watched.events()])
    finally:
        watched.leave()


def test_who_is_slow_hears_the_end_though_it_comes_while_he_takes_what_was_before() -> None:
    engine = Stepped(progress(1), progress(2))

    async def work() -> bytes:
        events = engine.watching().join("shop", 1).events()
        engine.go.release()
        assert kinds(await anext(events)) == ["progress"]
        engine.go.release()
        await until(lambda: looking() == 0)
        return b"".join([each async for each in events])

    rest = asyncio.run(work())
    assert kinds(rest) == ["progress", "end"]
    assert b'"rows":2' in rest


def test_all_watchers_of_a_run_share_one_look_and_each_hears_the_end() -> None:
    engine = Stepped(progress(1))

    async def work() -> list[bytes]:
        watching = engine.watching()
        hearing = [asyncio.ensure_future(heard(watching.join("shop", 1))) for _ in range(50)]
        await asyncio.sleep(0)
        assert looking() == 1
        engine.go.release()
        return await asyncio.gather(*hearing)

    each = asyncio.run(work())
    assert [kinds(told)[-1] for told in each] == ["end"] * 50
    assert engine.looks == 1


def test_a_fault_is_told_and_looked_past_while_what_is_gone_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.0)
    engine = Stepped(Unavailable("Away", "the ledger is away"), NotFound("Gone", "it was deleted"))

    async def work() -> list[str]:
        events = engine.watching().join("shop", None).events()
        engine.go.release()
        first = kinds(await anext(events))
        engine.go.release()
        return first + kinds(b"".join([each async for each in events]))

    assert asyncio.run(work()) == ["problem", "end"]
    assert engine.looks == 2


def test_a_server_that_is_waited_for_is_told_and_what_comes_then_is_the_next_word() -> None:
    said = "Postgres: connection refused; trying again"
    engine = Stepped(progress(1), said, progress(2), progress(3))

    async def work() -> list[bytes]:
        watched, told = engine.watching().join("shop", 1), list[bytes]()
        events = watched.events()
        for _ in range(3):
            engine.go.release()
            told.append(await anext(events))
        watched.leave()
        await until(lambda: looking() == 0)
        return told

    before, away, back = asyncio.run(work())
    assert [kinds(each) for each in (before, away, back)] == [
        ["progress"],
        ["problem"],
        ["progress"],
    ]
    assert b'{"reason":"Waiting","message":"Postgres: connection refused; trying again"}' in away


def test_a_look_that_is_held_up_ends_with_its_last_watcher() -> None:
    engine = Stepped(progress(1))

    async def work() -> None:
        watching = engine.watching()
        for _ in range(20):
            watching.join("shop", 1).leave()
        await until(lambda: looking() == 0)

    asyncio.run(work())
    assert len(engine.steps) == 1


def test_a_look_ends_with_its_last_watcher_and_begins_anew_for_the_next() -> None:
    engine = Stepped(*(progress(number) for number in range(10)))

    async def work() -> None:
        watching = engine.watching()
        first, second = watching.join("shop", 1), watching.join("shop", 1)
        first.leave()
        first.leave()
        assert looking() == 1
        second.leave()
        engine.go.release()
        await until(lambda: looking() == 0)
        watching.join("shop", 1).leave()
        engine.go.release()
        await until(lambda: looking() == 0)

    asyncio.run(work())
    assert engine.looks == 2


def test_more_runs_than_may_be_watched_are_refused_and_room_comes_with_who_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_RUNS", 1)
    engine: Any = Stepped(progress(1), progress(2))

    async def work() -> None:
        watching = engine.watching()
        one = watching.join("shop", 1)
        with pytest.raises(Unavailable, match="too many runs are watched"):
            watching.join("shop", 2)
        one.leave()
        watching.join("shop", 2).leave()
        engine.go.release(2)
        await until(lambda: looking() == 0)

    asyncio.run(work())
