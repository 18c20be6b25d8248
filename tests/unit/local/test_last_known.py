"""What is told of a run whose ledger cannot be asked: of then what lasts, and nothing of now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rowmill.engine.records import Progress, RunRecord, State
from rowmill.errors import Refused
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import supervising
from rowmill.local.records.last_known import last_known, out_of_reach

AWAY = Refused("HostUnknown", "there is no host far.invalid")
RUN = RunRecord(
    experiment="shop", namespace="local", number=3, state=State.RUNNING, rows=7, message="so far"
)
SEEN = datetime(2026, 1, 1, tzinfo=UTC)
LIVE = Progress(RUN, (), 12.5, 4.0, "loading", 2, SEEN)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    remembered.make_folder(home, "shop")
    remembered.keep_progress(home, "shop", LIVE)
    return home


def _of_now(progress: Progress) -> tuple[object, ...]:
    return progress.rows_per_second, progress.eta_seconds, progress.step, progress.workers


def test_an_interrupted_run_has_no_rate_and_no_end(home: Home) -> None:
    told = last_known(home, "shop", None)
    assert (told.run.state, told.run.rows, told.last_updated) == (State.INTERRUPTED, 7, SEEN)
    assert _of_now(told) == (None,) * 4


def test_nor_has_one_whose_supervisor_waits_for_the_servers(home: Home) -> None:
    with supervising(home, "shop"):
        told = last_known(home, "shop", None)
    assert told.run.state is State.RUNNING
    assert _of_now(told) == (None,) * 4


def test_what_another_machine_may_run_stays_as_it_was_seen(home: Home) -> None:
    told = out_of_reach(home, "shop", AWAY)
    assert (told.run.state, told.run.number, told.run.reason) == (State.RUNNING, 3, "HostUnknown")
    assert told.run.message == ("so far; it cannot be looked at now: this is what was last known")
    assert _of_now(told) == (None,) * 4


def test_of_what_nobody_has_looked_at_nothing_is_known(home: Home) -> None:
    told = out_of_reach(home, "other", AWAY).run
    assert (told.experiment, told.state, told.number) == ("other", State.UNKNOWN, None)
    assert (told.reason, told.message) == ("HostUnknown", "it cannot be looked at now")
