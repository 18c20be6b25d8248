from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from rowmill.destinations.retries import persist


class Flaky:
    """Fails `failures` times, then returns how often it was called."""

    def __init__(self, failures: int, error: BaseException) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return self.calls


def patient_with(kind: type[BaseException], seconds: float) -> Callable[[BaseException], float]:
    return lambda error: seconds if isinstance(error, kind) else 0


def test_a_failure_that_passes_is_tried_again_until_it_succeeds() -> None:
    waits: list[float] = []
    work = Flaky(5, OSError("gone"))
    assert persist(work, patient_with(OSError, 60), sleep=waits.append) == 6
    assert len(waits) == 5
    assert all(0 <= wait <= 15 for wait in waits)


def test_a_failure_that_does_not_pass_is_raised_at_once() -> None:
    work = Flaky(1, ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        persist(work, patient_with(OSError, 60), sleep=lambda _: None)
    assert work.calls == 1


def test_the_last_failure_is_raised_when_the_budget_is_spent() -> None:
    work = Flaky(1_000_000, OSError("still gone"))
    with pytest.raises(OSError, match="still gone"):
        persist(work, patient_with(OSError, 1e-9), sleep=lambda _: None)
    assert work.calls == 2


def test_each_failure_is_told_before_the_next_try_with_the_seconds_left() -> None:
    told: list[BaseException] = []
    left: list[float] = []

    def on_retry(error: BaseException, seconds: float) -> None:
        told.append(error)
        left.append(seconds)

    error = OSError("gone")
    persist(Flaky(2, error), patient_with(OSError, 60), on_retry=on_retry, sleep=lambda _: None)
    assert told == [error, error]
    # The budget's end is a sum of floats on the monotonic clock.
    assert left[0] == pytest.approx(60)
    assert left[0] >= left[1] > 0


@pytest.mark.parametrize(
    ("failures", "patience", "ends"), [(0, 60.0, []), (2, 60.0, [True]), (9, 1e-9, [False])]
)
def test_the_end_of_the_tries_is_told_once_if_a_failure_was(
    failures: int, patience: float, ends: list[bool]
) -> None:
    told: list[bool] = []
    work = Flaky(failures, OSError("gone"))
    with suppress(OSError):
        persist(work, patient_with(OSError, patience), on_end=told.append, sleep=lambda _: None)
    assert told == ends


def test_no_wait_outlasts_the_budget() -> None:
    waits: list[float] = []
    with pytest.raises(OSError, match="gone"):
        persist(Flaky(10**9, OSError("gone")), patient_with(OSError, 0.01), sleep=waits.append)
    # The budget's end is a sum on the monotonic clock, whose ulp grows with the machine's uptime:
    # after half a year it is 2e-9 s.
    assert max(waits) <= 0.01 + 1e-6


def test_an_interrupt_is_never_tried_again() -> None:
    work = Flaky(1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        persist(work, patient_with(Exception, 60), sleep=lambda _: None)
    assert work.calls == 1


def test_the_sleep_may_end_the_tries() -> None:
    class Stopped(Exception):
        pass

    def stop(_: float) -> None:
        raise Stopped

    work = Flaky(9, OSError("gone"))
    with pytest.raises(Stopped):
        persist(work, patient_with(OSError, 60), sleep=stop)
    assert work.calls == 1


def test_a_wait_ends_once_no_other_try_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowmill.destinations.retries._BACK_OFF", lambda _: 12.0)
    waits: list[float] = []
    work = Flaky(9, OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        persist(work, patient_with(OSError, 60), sleep=waits.append, wanted=lambda: len(waits) < 3)
    assert work.calls == 1, "it was tried again though nobody wanted it"
    assert sum(waits) < 1


def test_a_wait_whose_end_is_wanted_is_as_long_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowmill.destinations.retries._BACK_OFF", lambda _: 0.5)
    waits: list[float] = []
    work = Flaky(1, OSError("gone"))
    assert persist(work, patient_with(OSError, 60), sleep=waits.append, wanted=lambda: True) == 2
    assert sum(waits) == pytest.approx(0.5)
