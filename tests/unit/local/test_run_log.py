"""The log of a run: written whatever the disk does, bounded, and read while it grows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from threading import Timer

import pytest

from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.engine.records import Progress, RunRecord, State
from rowmill.errors import NotFound
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import supervising
from rowmill.local.records.log_reading import (
    following,
    is_written,
    known_log,
    lines,
    read_log,
)
from rowmill.local.records.run_log import RunLog, log_file, log_folder, logged_runs, older_part


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def texts(home: Home, number: int = 1) -> list[str]:
    return [line.text for line in lines(log_file(home, "shop", number))]


def test_what_was_said_before_the_run_has_a_number_comes_first(home: Home) -> None:
    with RunLog(home, "shop") as log:
        log.say("run 7 replaces run 6")
        assert not log_folder(home, "shop").exists()
        log.begin(7, keep=10)
        log.say("died\nat\nonce", level="WARNING", source="worker 2")
    first, second = lines(log_file(home, "shop", 7))
    assert (first.text, first.source, first.level) == (
        "run 7 replaces run 6",
        "supervisor",
        "INFO",
    )
    assert (second.text, second.source, second.level) == ("died\nat\nonce", "worker 2", "WARNING")
    assert first.time is not None
    assert second.time is not None
    assert first.time <= second.time
    assert log_folder(home, "shop").stat().st_mode & 0o077 == 0


def test_a_resumed_run_goes_on_in_its_log(home: Home) -> None:
    for text in ("first", "second"):
        with RunLog(home, "shop") as log:
            log.begin(1, keep=10)
            log.say(text)
    assert texts(home) == ["first", "second"]


def test_a_large_log_becomes_the_older_part_and_one_such_is_kept(home: Home) -> None:
    with RunLog(home, "shop", most_bytes=2_000) as log:
        log.begin(1, keep=10)
        for number in range(100):
            log.say(f"line {number}")
    file = log_file(home, "shop", 1)
    assert sorted(each.name for each in file.parent.iterdir()) == ["run-1.log", "run-1.log.1"]
    assert all(each.stat().st_size <= 2_000 for each in file.parent.iterdir())
    read = texts(home)
    assert read == [f"line {number}" for number in range(100 - len(read), 100)]
    assert len(read) > sum(1 for _ in file.open())


def test_logs_beyond_the_history_go_with_their_older_parts(home: Home) -> None:
    for number in (1, 2, 3, 4):
        with RunLog(home, "shop", most_bytes=100) as log:
            log.begin(number, keep=2)
            log.say("a")
            log.say("b")
    assert logged_runs(home, "shop") == [2, 3, 4]
    assert not older_part(log_file(home, "shop", 1)).exists()


def test_a_run_goes_on_where_no_log_can_be_written(home: Home, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder")
    with RunLog(home, "shop") as log:
        log.begin(1, keep=10)
        log.say("nobody reads this")
    assert logged_runs(home, "shop") == []


def test_a_run_goes_on_where_the_disk_is_full(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    file = log_file(home, "shop", 1)
    file.parent.mkdir(parents=True)
    file.symlink_to("/dev/full")
    with RunLog(home, "shop") as log:
        log.begin(1, keep=10)
        log.say("there is no room for this")
    assert capsys.readouterr() == ("", "")


def test_a_torn_line_is_shown_as_it_is(home: Home) -> None:
    file = log_file(home, "shop", 1)
    file.parent.mkdir(parents=True)
    file.write_bytes(b'{"text": "whole", "source": "worker 1"}\n{"text": "to\xff{"text"\n{"not yet')
    whole, torn = lines(file)
    assert (whole.text, whole.source) == ("whole", "worker 1")
    assert torn.text.startswith('{"text": "to')


class Story:
    """What happens to a log between two looks of one who follows it."""

    def __init__(self, steps: Iterable[Callable[[], object]]) -> None:
        self._steps = iter(steps)
        self.alive = True

    def goes_on(self) -> bool:
        return self.alive

    def sleep(self, seconds: float) -> None:
        step = next(self._steps, None)
        if step is None:
            self.alive = False
        else:
            step()


def followed(home: Home, story: Story) -> Iterator[str]:
    for line in following(log_file(home, "shop", 1), story.goes_on, story.sleep):
        yield line.text


def test_who_follows_reads_across_rotations_until_the_run_has_ended(home: Home) -> None:
    with RunLog(home, "shop", most_bytes=250) as log:
        log.begin(1, keep=10)
        log.say("0")
        steps = [partial(log.say, str(number)) for number in range(1, 12)]
        read = list(followed(home, Story(steps)))
    assert older_part(log_file(home, "shop", 1)).exists()
    assert read == [str(number) for number in range(12)]


def test_the_last_words_of_a_run_that_ends_between_two_looks_are_read(home: Home) -> None:
    with RunLog(home, "shop") as log:
        log.begin(1, keep=10)
        log.say("first")
        story = Story([])

        def goes_on() -> bool:
            log.say("last")
            return False

        read = [line.text for line in following(log_file(home, "shop", 1), goes_on, story.sleep)]
    assert read == ["first", "last"]


@pytest.mark.parametrize("looks", [0, 1_000])
def test_who_follows_a_log_that_is_removed_is_told_whether_the_run_goes_on_or_not(
    home: Home, looks: int
) -> None:
    with RunLog(home, "shop") as log:
        log.begin(1, keep=10)
        log.say("first")
    later = [lambda: None] * looks
    following = followed(home, Story([lambda: os.unlink(log_file(home, "shop", 1)), *later]))
    assert next(following) == "first"
    with pytest.raises(FileNotFoundError):
        next(following)


def test_a_log_that_goes_while_it_is_read_is_named(home: Home) -> None:
    with RunLog(home, "shop") as log:
        log.begin(1, keep=10)
    reading = read_log(home, "shop", 1, follow=True)
    log_file(home, "shop", 1).unlink()
    with pytest.raises(NotFound, match=r"the log of run 1 of shop is gone: .*rowmill status shop"):
        next(reading)


def test_a_log_is_written_while_it_is_set_aside(home: Home) -> None:
    with supervising(home, "shop"), RunLog(home, "shop") as log:
        log.begin(1, keep=10)
        file = log_file(home, "shop", 1)
        file.rename(older_part(file))
        assert is_written(home, "shop", 1)


def test_without_the_newest_runs_log_none_of_another_run_is_meant(home: Home) -> None:
    for number in (1, 2):
        with RunLog(home, "shop") as log:
            log.begin(number, keep=10)
    run = RunRecord(experiment="shop", namespace="local", number=2, state=State.COMPLETED)
    remembered.keep_progress(home, "shop", Progress(run))
    log_file(home, "shop", 2).unlink()
    with pytest.raises(NotFound, match=r"no log of run 2 of shop; it has those of run 1: "):
        known_log(home, "shop", None)
    assert known_log(home, "shop", 1) == 1


def test_a_log_is_written_while_its_run_is_the_newest_and_supervised(home: Home) -> None:
    for number in (1, 2):
        with RunLog(home, "shop") as log:
            log.begin(number, keep=10)
    assert not is_written(home, "shop", 2)
    with supervising(home, "shop"):
        assert is_written(home, "shop", 2)
        assert not is_written(home, "shop", 1)


def test_the_newest_log_is_meant_where_no_run_is_named(home: Home) -> None:
    with pytest.raises(NotFound, match="has no log of any run of shop: a log is kept in"):
        known_log(home, "shop", None)
    for number in (9, 10):
        with RunLog(home, "shop") as log:
            log.begin(number, keep=10)
    assert (known_log(home, "shop", None), known_log(home, "shop", 9)) == (10, 9)
    with pytest.raises(NotFound, match=r"no log of run 3 of shop; it has those of runs 9, 10: "):
        known_log(home, "shop", 3)


def test_a_new_run_has_no_lines_of_one_that_had_its_number_before(home: Home) -> None:
    """The experiment was deleted from elsewhere, and its runs are counted anew."""
    for number in (1, 2, 3):
        with RunLog(home, "shop") as log:
            log.begin(number, keep=10)
            log.say(f"old run {number}")
    with RunLog(home, "shop") as log:
        log.begin(2, keep=10, fresh=True)
        log.say("new run 2")
    assert logged_runs(home, "shop") == [1, 2]
    assert texts(home, 2) == ["new run 2"]


def test_a_log_is_its_owners_alone(home: Home) -> None:
    with RunLog(home, "shop", most_bytes=200) as log:
        log.begin(1, keep=10)
        for turn in range(10):
            log.say(f"line {turn}")
    file = log_file(home, "shop", 1)
    assert {each.stat().st_mode & 0o777 for each in (file, older_part(file))} == {0o600}


def test_who_follows_a_log_is_let_go_though_nothing_is_said(home: Home) -> None:
    with RunLog(home, "shop") as log, supervising(home, "shop"):
        log.begin(1, keep=10)
        log.say("first")
        cancellation = Cancellation()
        found = read_log(home, "shop", 1, follow=True, cancellation=cancellation)
        assert next(found).text == "first"
        Timer(0.05, cancellation.cancel).start()
        with pytest.raises(Cancelled):
            next(found)
