"""The schedules of `make chaos-k8s`: the same for ever, possible, and of every kind."""

from __future__ import annotations

import pytest

from tests.chaos_k8s.schedule import COUNTED, OUTAGES, Fault, schedule

SEEDS = range(1, 201)


def test_a_seed_always_means_the_same() -> None:
    assert [schedule(seed) for seed in SEEDS] == [schedule(seed) for seed in SEEDS]


def test_thirty_schedules_deal_every_fault_to_every_set_of_destinations() -> None:
    chosen = [schedule(seed) for seed in range(1, 31)]
    assert {strike.fault for one in chosen for strike in one.strikes} == set(Fault)
    assert {(one.postgres, one.parquet) for one in chosen} == {
        (True, True),
        (True, False),
        (False, True),
    }
    assert {one.replaces for one in chosen} == {True, False}
    assert {one.operators for one in chosen} == {1, 2}
    assert {strike.late for one in chosen for strike in one.strikes} == {True, False}


@pytest.mark.parametrize("first", range(1, 31))
def test_any_three_in_a_row_strike_workers_control_plane_and_servers(first: int) -> None:
    names = {
        strike.fault.name for seed in range(first, first + 3) for strike in schedule(seed).strikes
    }
    for kind in ("_WORKER", ("_OPERATOR", "_API_SERVER"), ("_POSTGRES", "_S3")):
        assert any(name.endswith(kind) for name in names)


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_fit_the_run(seed: int) -> None:
    chosen = schedule(seed)
    faults = [strike.fault for strike in chosen.strikes]
    assert faults
    times = [strike.at for strike in chosen.strikes if not strike.late]
    assert times == sorted(times)
    assert not any(strike.late for strike in chosen.strikes[:-1])
    assert chosen.postgres or not {Fault.KILL_POSTGRES, Fault.DELETE_POSTGRES} & set(faults)
    assert chosen.parquet or not {Fault.KILL_S3, Fault.DELETE_S3} & set(faults)
    # More would be spent on waiting: 10, 20, 40 s for the next pod of a shard.
    assert sum(fault in COUNTED for fault in faults) <= 2
    assert {s.fault for s in chosen.strikes if s.seconds} == OUTAGES & set(faults)
