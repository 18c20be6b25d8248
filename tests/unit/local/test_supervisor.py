"""The supervisor hands out shards, replaces the dead, and ends what must end."""

from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import wait
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.errors import Interrupted, RowmillError
from rowmill.local.run_errors import WorkerFailed
from rowmill.local.workers import supervisor as module
from rowmill.local.workers.messages import Progress
from rowmill.local.workers.supervisor import Supervisor
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.spec.load import load_spec
from tests.unit.local import fake_workers

SPEC = load_spec(
    "shop",
    text="""
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  retriesPerShard: 1
  tables: [{name: a, rows: 1, columns: [{name: id, type: bigint}]}]
  destinations: {postgres: {}}
""",
)
RUN = Run(
    "id", "o", "u", 1, RunState.RUNNING, Plan("d", 1, (), ()), datetime.now(UTC), None, "", {}
)
Made = Callable[..., Supervisor]


@pytest.fixture
def supervise(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Makes a supervisor of workers that are one of fake_workers.py."""

    def make(worker: Callable[..., None], workers: int = 1, **options: Any) -> Supervisor:
        monkeypatch.setattr(module, "main", worker)
        given: dict[str, Any] = {
            "spare": [],
            "on_progress": lambda number, report: None,
            "on_step": lambda label: None,
            "on_wait": lambda wait: None,
            "on_death": lambda number, how: None,
            "check": lambda: None,
            "stop": Event(),
            "kill": Event(),
        } | options
        return Supervisor(SPEC, cast("Any", None), workers=workers, **given)

    return make


def test_every_shard_is_run_once_and_reports_come_through(supervise: Made) -> None:
    seen: dict[str, int] = {}
    steps: list[str] = []

    def note(_number: int, report: Progress) -> None:
        seen.update({table: work.generated for table, work in report.tables.items()})

    with supervise(fake_workers.good, 2, on_progress=note, on_step=steps.append) as running:
        running.run_shards(RUN, range(1, 8))
        running.finalize(RUN, connections=1)
    assert seen == {f"shard {n}": n for n in range(1, 8)}
    assert steps == ["publish"]


def test_what_a_dead_worker_had_is_made_again_and_begun_with_a_reading_of_the_ledger(
    supervise: Made,
) -> None:
    made: list[tuple[int, str]] = []

    def note(worker: int, report: Progress) -> None:
        made.extend((worker, shard) for shard in report.tables)

    with supervise(fake_workers.dying_of_2_amid_others, on_progress=note) as running:
        running.run_shards(RUN, [1, 2, 3])
    # Worker 1 died of shard 2, and nobody knows how much of shard 1 was durable. Worker 2 is given
    # shard 3 amid its shards, never 2: what was made of that, it would have to read first.
    assert made == [(1, "shard 1"), (2, "shard 1"), (2, "shard 3"), (2, "shard 2")]


def test_a_worker_that_dies_of_its_shard_again_and_again_fails_the_run(supervise: Made) -> None:
    deaths: list[tuple[int, str]] = []
    with (
        supervise(
            fake_workers.fatal, on_death=lambda number, how: deaths.append((number, how))
        ) as running,
        pytest.raises(WorkerFailed, match="shard 3 died 2 times and the last one exited 7"),
    ):
        running.run_shards(RUN, [3])
    assert deaths == [
        (1, "exited 7; worker 2 takes its place"),
        (2, "exited 7; worker 3 takes its place"),
    ]


@pytest.mark.parametrize(
    ("worker", "error", "words", "reason"),
    [
        (fake_workers.refusing, DestinationRefused, "no room", "DiskFull"),
        (fake_workers.unavailable, DestinationUnavailable, "gone", "Unavailable"),
        (fake_workers.fenced, Fenced, "stale", "Fenced"),
        (fake_workers.defective, WorkerFailed, "TypeError", "RunFailed"),
    ],
)
def test_how_a_worker_ends_is_how_the_run_ends(
    supervise: Made,
    worker: Callable[..., None],
    error: type[RowmillError],
    words: str,
    reason: str,
) -> None:
    with supervise(worker) as running, pytest.raises(error, match=words) as raised:
        running.run_shards(RUN, [0])
    assert raised.value.reason == reason
    assert getattr(raised.value, "trace", "the stack") == "the stack"


def test_a_stop_waits_for_the_workers_word(supervise: Made) -> None:
    stop, rows = Event(), []
    stop.set()

    def note(_number: int, report: Progress) -> None:
        rows.append(report.tables["a"].generated)

    # Told to stop at its first look, but only after the shard was handed out.
    running = supervise(fake_workers.obedient, stop=_after(stop, 2), on_progress=note)
    with running, pytest.raises(Interrupted):
        running.run_shards(RUN, [0])
    assert rows == [5]


def test_a_finalize_that_comes_to_its_end_all_the_same_is_no_interrupted_one(
    supervise: Made,
) -> None:
    stop, steps = Event(), list[str]()
    stop.set()
    running = supervise(fake_workers.publishing, stop=_after(stop, 2), on_step=steps.append)
    with running:
        running.finalize(RUN, connections=1)
    assert steps == ["publish"]


def test_a_worker_that_a_signal_to_all_processes_ends_has_not_done_its_work(
    supervise: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()

    def strike(*given: Any) -> list[Any]:
        # The worker is dead before the supervisor hears that it is to stop.
        ready = wait(*given)
        if ready:
            stop.set()
        return ready

    monkeypatch.setattr(module, "wait", strike)
    with supervise(fake_workers.fatal, stop=stop) as running, pytest.raises(Interrupted):
        running.finalize(RUN, connections=1)


def test_a_second_signal_does_not_wait_for_a_deaf_worker(
    supervise: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 100_000.0)
    stop, kill = Event(), Event()

    def strike(*_: object) -> None:
        stop.set()
        kill.set()

    before = psutil.Process().children()
    running = supervise(fake_workers.deaf, on_progress=strike, stop=stop, kill=kill)
    with running, pytest.raises(Interrupted):
        running.run_shards(RUN, [0])
    assert set(psutil.Process().children()) <= set(before)


def test_a_deaf_worker_is_killed_when_its_time_is_up(
    supervise: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.3)
    stop, before = Event(), psutil.Process().children()
    running = supervise(fake_workers.deaf, on_progress=lambda *_: stop.set(), stop=stop)
    with running, pytest.raises(Interrupted):
        running.run_shards(RUN, [0])
    assert set(psutil.Process().children()) <= set(before)


def test_a_failed_check_ends_the_run(supervise: Made) -> None:
    def check() -> None:
        raise Fenced("aborted")

    with supervise(fake_workers.deaf, check=check) as running, pytest.raises(Fenced):
        running.run_shards(RUN, [0])


def _after(stop: Event, looks: int) -> Any:
    """An event that shows itself set only from its n-th look on."""
    count = iter(range(looks - 1))
    return SimpleNamespace(is_set=lambda: next(count, None) is None and stop.is_set())
