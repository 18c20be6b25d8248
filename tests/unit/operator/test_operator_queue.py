from __future__ import annotations

import asyncio

import pytest

from rowmill_operator.memory.queue import Schedule, TokenBucket, WorkQueue

A, B = ("team", "a"), ("team", "b")


def test_a_key_is_in_it_once() -> None:
    schedule = Schedule()
    schedule.add(A, 0)
    schedule.add(A, 0)
    assert schedule.waiting(0) == 1
    assert schedule.take(0) == A
    assert schedule.take(0) is None


def test_the_one_that_has_been_due_longest_comes_first() -> None:
    schedule = Schedule()
    schedule.add(A, 5)
    schedule.add(B, 3)
    assert [schedule.take(6), schedule.take(6)] == [B, A]


def test_a_key_comes_when_it_is_due_and_not_before() -> None:
    schedule = Schedule()
    schedule.add(A, 5)
    assert schedule.take(4.9) is None
    assert schedule.next_due() == 5
    assert schedule.take(5) == A


def test_the_earliest_wish_counts() -> None:
    schedule = Schedule()
    schedule.add(A, 5)
    schedule.add(A, 9)
    schedule.add(A, 2)
    assert schedule.take(2) == A
    schedule.done(A)
    assert schedule.next_due() is None


def test_a_key_is_worked_on_by_one_at_a_time() -> None:
    schedule = Schedule()
    schedule.add(A, 0)
    assert schedule.take(0) == A
    schedule.add(A, 1)
    assert schedule.take(10) is None
    schedule.done(A)
    assert schedule.take(10) == A
    schedule.done(A)
    assert schedule.take(10) is None


def test_of_wishes_during_the_work_the_earliest_counts() -> None:
    schedule = Schedule()
    schedule.add(A, 0)
    schedule.take(0)
    schedule.add(A, 9)
    schedule.add(A, 7)
    schedule.done(A)
    assert schedule.next_due() == 7


def test_the_wait_doubles_with_each_failure_up_to_a_minute() -> None:
    schedule = Schedule()
    waits = [schedule.failed(A, 0) for _ in range(10)]
    assert waits[:4] == [0.5, 1, 2, 4]
    assert waits[-1] == 60
    schedule.succeeded(A)
    assert schedule.failed(A, 0) == 0.5


def test_news_do_not_wait_for_the_end_of_a_back_off() -> None:
    schedule = Schedule()
    schedule.failed(A, 0)
    schedule.add(A, 0.1)
    assert schedule.take(0.2) == A


def test_depth_and_age_count_what_is_due() -> None:
    schedule = Schedule()
    schedule.add(A, 2)
    schedule.add(B, 8)
    assert (schedule.waiting(1), schedule.age(1)) == (0, 0)
    assert (schedule.waiting(5), schedule.age(5)) == (1, 3)
    schedule.take(5)
    assert (schedule.waiting(5), schedule.age(5)) == (0, 0)


def test_old_wishes_leave_nothing_behind() -> None:
    schedule = Schedule()
    for at in range(1_000, 0, -1):
        schedule.add(A, at)
    assert schedule.take(1_000) == A
    schedule.done(A)
    assert schedule.take(1_000) is None
    assert schedule.next_due() is None


def test_tokens_come_back_at_the_rate() -> None:
    bucket = TokenBucket(rate=10, burst=2)
    assert [bucket.take(0), bucket.take(0)] == [0, 0]
    assert bucket.take(0) == pytest.approx(0.1)
    assert bucket.take(0) == pytest.approx(0.2)
    assert bucket.take(10) == 0


def test_several_workers_share_the_keys_and_none_is_lost() -> None:
    async def work() -> list[int]:
        queue = WorkQueue(TokenBucket(rate=1e6, burst=1e6))
        seen = [0] * 50
        at_work: set[tuple[str, str]] = set()

        async def worker() -> None:
            while True:
                key = await queue.take()
                assert key not in at_work
                at_work.add(key)
                await asyncio.sleep(0)
                seen[int(key[1])] += 1
                at_work.discard(key)
                queue.done(key)

        workers = [asyncio.create_task(worker()) for _ in range(4)]
        await asyncio.sleep(0)
        for times in range(1, 4):
            for number in range(50):
                queue.add(("team", str(number)))
            async with asyncio.timeout(60):
                while sum(seen) < 50 * times or at_work:
                    await asyncio.sleep(0)
        assert all(not task.done() for task in workers)
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        return seen

    assert asyncio.run(work()) == [3] * 50


def test_a_waiting_worker_is_woken_by_what_is_due_sooner() -> None:
    async def work() -> tuple[str, str]:
        queue = WorkQueue(TokenBucket(rate=1e6, burst=1e6))
        queue.add(A, 3_600)
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(0.01)
        queue.add(B)
        return await waiting

    assert asyncio.run(work()) == B
