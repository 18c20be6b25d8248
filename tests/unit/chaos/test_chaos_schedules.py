"""The schedules of `make chaos`: the same for ever, and of every kind."""

from __future__ import annotations

from tests.chaos.schedule import Fault, schedule

_OF_CRASHES = {Fault.CRASH_POSTGRES, Fault.CRASH_ALL}


def test_a_seed_always_means_the_same() -> None:
    assert [schedule(seed) for seed in range(200)] == [schedule(seed) for seed in range(200)]


def test_what_a_seed_meant_before_runs_could_be_detached_it_still_means() -> None:
    assert str(schedule(4)) == (
        "seed 4: pg+s3, 60000 rows in batches of 1000, 1 workers over an earlier run; "
        "0.9 s kill and restart the S3 server, 1.5 s kill the supervisor"
    )
    assert str(schedule(2)) == (
        "seed 2: pg+s3, 60000 rows in batches of 10000, 2 workers, detached; 0.8 s kill a worker, "
        "1.1 s a second run from another home, 1.4 s close the terminal of the command"
    )


def test_a_hundred_schedules_deal_every_fault() -> None:
    chosen = [schedule(seed) for seed in range(1, 101)]
    assert {fault for one in chosen for _, fault in one.faults} == set(Fault) - _OF_CRASHES
    assert 30 < sum(one.detached for one in chosen) < 70


def test_a_terminal_is_closed_under_detached_runs_alone() -> None:
    hung_up = [
        one for one in map(schedule, range(200)) if Fault.HANG_UP in {f for _, f in one.faults}
    ]
    assert hung_up
    assert all(one.detached for one in hung_up)
