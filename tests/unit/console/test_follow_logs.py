"""Who follows a log takes no thread of those that answer calls, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rowmill.console import logs as module
from rowmill.console.logs import Followers
from rowmill.engine.cancellation import Cancellation
from rowmill.engine.records import LogLine, Page
from rowmill.errors import NotFound, Unavailable
from tests.unit.console.served import served, token


def following() -> int:
    return sum(each.name == "logs" for each in threading.enumerate())


async def until(met: Callable[[], bool]) -> None:
    while not met():
        await asyncio.sleep(0.005)


def silent(cancellation: Cancellation) -> Iterator[LogLine]:
    while True:
        cancellation.sleep(60)
        yield LogLine("never said", "supervisor")


def many(said: list[int]) -> Iterator[LogLine]:
    for number in range(10_000):
        said.append(number)
        yield LogLine(str(number), "supervisor")


def test_who_leaves_takes_his_thread_with_him_though_no_line_comes() -> None:
    async def work() -> None:
        followers, asked = Followers(), [Cancellation() for _ in range(60)]
        joined = [followers.join(silent(each), each) for each in asked]
        hearing = [asyncio.ensure_future(anext(each.events())) for each in joined]
        await until(lambda: following() == 60)
        for each in joined:
            followers.leave(each)
        await until(lambda: following() == 0)
        for waiting in hearing:
            waiting.cancel()

    asyncio.run(work())


def test_who_is_slow_is_waited_for_and_misses_no_line() -> None:
    said: list[int] = []

    async def work() -> int:
        followers = Followers()
        follower = followers.join(many(said), Cancellation())
        events = follower.events()
        await anext(events)
        await asyncio.sleep(0.2)
        assert len(said) < 1_000
        rest = [event async for event in events]
        followers.leave(follower)
        return len(rest)

    # The lines but the first, and `end`.
    assert asyncio.run(work()) == 10_000


def test_what_goes_wrong_amid_a_log_is_told_as_its_end() -> None:
    def gone() -> Iterator[LogLine]:
        yield LogLine("one", "supervisor")
        raise NotFound("NoLogs", "somebody removed it")

    async def work() -> list[bytes]:
        followers = Followers()
        events = followers.join(gone(), Cancellation()).events()
        return [event async for event in events]

    *_, last = asyncio.run(work())
    assert last.startswith(b"event: end")
    assert b"NoLogs" in last


def test_more_than_may_follow_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 1)
    followers, asked = Followers(), Cancellation()
    one = followers.join(silent(asked), asked)
    with pytest.raises(Unavailable, match="too many logs are followed"):
        followers.join(silent(asked), asked)
    followers.leave(one)
    followers.join(silent(asked), asked)


class Silent:
    """An engine of one run that says nothing, and whose log cannot be read to its end."""

    def list(self, **_: Any) -> Page[Any]:
        return Page(())

    def logs(self, name: str, *, follow: bool = False, **_: Any) -> Iterator[LogLine]:
        raise NotFound("NoLogs", "it is gone")
        yield


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with served(tmp_path, Silent()) as found:
        yield found


def test_what_is_wrong_with_a_log_is_told_by_its_status(client: TestClient, tmp_path: Path) -> None:
    answer = client.get("/api/experiments/shop/runs/newest/logs", headers=token(tmp_path))
    assert (answer.status_code, answer.json()["reason"]) == (404, "NoLogs")
