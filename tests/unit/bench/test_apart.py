"""The wall with cores apart: which cores, when it counts, what waits, and how that is judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bench import apart, cores, watching
from tests.bench.apart import Load, Pair, Rounds
from tests.bench.watching import Session, Watched


def alone(core: int) -> set[int]:
    return {core}


def test_servers_and_workers_get_a_real_core_each() -> None:
    assert cores.choose({2, 5, 7}, alone) == cores.Cores(servers=2, workers=5)
    threads = {0: {0, 1}, 1: {0, 1}, 2: {2, 3}, 3: {2, 3}}
    assert cores.choose(set(threads), threads.__getitem__) == cores.Cores(servers=0, workers=2)


def test_one_core_is_too_few_and_says_so() -> None:
    with pytest.raises(cores.NoCores, match=r"two cores, and this process may use one: \[3\]"):
        cores.choose({3}, alone)
    # Two threads of one real core take from each other.
    with pytest.raises(cores.NoCores, match="two cores"):
        cores.choose({0, 1}, lambda core: {0, 1})


def test_lists_of_the_kernel_are_read() -> None:
    assert cores.numbers("0-2,8\n") == {0, 1, 2, 8}


def test_without_two_cores_the_page_says_why_there_is_no_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none() -> cores.Cores:
        raise cores.NoCores("it needs two cores")

    monkeypatch.setattr(apart, "cores_apart", none)
    [figure] = apart.measure(1_000, 1, lambda text: None)
    assert (figure.measured, figure.met) == ("not measured: it needs two cores", None)


def test_a_run_counts_from_its_loading_to_its_finalizing() -> None:
    moments = []

    @contextmanager
    def block() -> Iterator[None]:
        moments.append("in")
        yield
        moments.append("out")

    with apart.WhileLoading(block()) as loading:
        for line in (
            "rowmill: the ledger is new",
            "run 3 preparing: 0",
            "run 3 loading: 0 of 10 rows; starting",
            "run 3 loading: 5 of 10 rows",
        ):
            loading.hear(line)
            moments.append(line)
        assert moments[2] == "in"
        loading.hear("run 3 finalizing")
        assert moments[-1] == "out"
        # A run never loads again: what comes later is another run's.
        loading.hear("run 3 loading: 10 of 10 rows")
        assert moments[-1] == "out"


def test_what_waits_is_told_of_the_copying_sessions_while_they_copy() -> None:
    supervisor = Session(1, "idle", "ClientRead", False)
    samples = [
        [supervisor, Session(2, "idle", "ClientRead", False)],
        [supervisor, Session(2, "active", "", True)],
        [supervisor, Session(2, "active", "ClientRead", True)],
        [supervisor, Session(2, "idle in transaction", "ClientRead", False)],
        [supervisor, Session(2, "active", "WALWrite", True)],
        [supervisor, Session(2, "idle", "ClientRead", False)],
    ]
    assert watching.waits(samples) == {
        watching.ON_CORE: 0.25,
        watching.FOR_BYTES: 0.25,
        watching.BETWEEN: 0.25,
        "WALWrite": 0.25,
    }
    assert watching.waits(samples[:1]) == {}


def load(seconds: float, servers: float) -> Load:
    return Load(seconds, 5.0, Watched(postgres=servers - 1, s3=1, core=servers + 0.5))


def test_the_wall_and_the_servers_work_are_held_against_bare_streams() -> None:
    rounds = Rounds(10_000_000)
    rounds.alone = Pair(bare=[load(8.0, 8.0)] * 2, run=[load(8.3, 8.2)] * 2)
    rounds.both = Pair(bare=[load(10.0, 9.0)] * 2, run=[load(12.0, 11.0)] * 2)
    rounds.asked = {"bare COPY": load(8.0, 8.0)}
    wall, work, others, both_wall, both_work, _, waits = apart.figures(rounds)
    assert (wall.met, work.met, both_wall.met, both_work.met) == (True, True, False, False)
    assert wall.what.startswith("cores apart")
    assert (wall.reach, both_wall.reach) == ("at most 1.05 times", "at most 1.15 times")
    assert wall.measured.startswith("1.04 times: 8.3 s")
    assert work.measured.startswith("1.02 times: 8.2 core-s")
    assert others.measured.startswith("0.5 core-s")
    assert waits.measured.startswith("of their core Postgres took 88 %, S3 12 %; of theirs the ")
