"""What a home remembers of the newest run, written by its supervisor and by all who look."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from rowmill.engine.records import Progress, RunRecord, State
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home, write_private
from rowmill.local.home.remembered import keep_progress, last_progress, progress_mark


def progress(state: State, rows: int = 0) -> Progress:
    return Progress(RunRecord(experiment="shop", namespace="local", state=state, rows=rows))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    remembered.make_folder(made, "shop")
    return made


def test_who_looked_before_the_last_word_does_not_replace_it(home: Home) -> None:
    keep_progress(home, "shop", progress(State.RUNNING, 1))
    since = progress_mark(home, "shop")
    keep_progress(home, "shop", progress(State.COMPLETED, 9))
    keep_progress(home, "shop", progress(State.RUNNING, 5), since=since)
    assert last_progress(home, "shop") == progress(State.COMPLETED, 9)


def test_nor_does_who_looked_before_there_was_any_word(home: Home) -> None:
    since = progress_mark(home, "shop")
    keep_progress(home, "shop", progress(State.COMPLETED, 9))
    keep_progress(home, "shop", progress(State.RUNNING, 5), since=since)
    assert last_progress(home, "shop") == progress(State.COMPLETED, 9)


def test_what_somebody_saw_is_kept_where_nobody_has_said_more(home: Home) -> None:
    keep_progress(home, "shop", progress(State.RUNNING, 1))
    since = progress_mark(home, "shop")
    keep_progress(home, "shop", progress(State.ABORTED, 1), since=since)
    assert last_progress(home, "shop") == progress(State.ABORTED, 1)


@pytest.mark.parametrize("damage", [b"\xff", b"", b"[]", b"{}", b'"x"', b"null"])
def test_a_damaged_last_word_is_none_and_is_replaced_by_the_next(home: Home, damage: bytes) -> None:
    (remembered.folder(home, "shop") / "last-run.json").write_bytes(damage)
    assert last_progress(home, "shop") is None
    keep_progress(home, "shop", progress(State.RUNNING, 5))
    assert last_progress(home, "shop") == progress(State.RUNNING, 5)


def test_a_home_without_the_folder_keeps_nothing_and_says_nothing(tmp_path: Path) -> None:
    nowhere = Home(tmp_path / "nowhere")
    keep_progress(nowhere, "shop", progress(State.RUNNING))
    assert last_progress(nowhere, "shop") is None
    assert not nowhere.path.exists()


def _write_often(file: Path, letter: str) -> int:
    for turn in range(400):
        write_private(file, json.dumps(letter * (1000 + turn)), durable=False)
    return 400


def test_of_two_processes_that_write_at_once_each_writes_whole(tmp_path: Path) -> None:
    file = tmp_path / "word.json"
    write_private(file, '"a"')
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        writers = [pool.submit(_write_often, file, letter) for letter in "ab"]
        while not all(writer.done() for writer in writers):
            assert len(set(json.loads(file.read_text()))) == 1
        assert [writer.result() for writer in writers] == [400, 400]
    assert os.listdir(tmp_path) == ["word.json"]


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_draft(tmp_path: Path) -> None:
    file = tmp_path / "word.json"
    write_private(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(file, "\udcff")
    assert (os.listdir(tmp_path), file.read_text()) == (["word.json"], "old")
