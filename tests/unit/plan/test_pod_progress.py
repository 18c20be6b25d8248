"""What a pod answers, the operator reads: the same, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.plan.pod_progress import MOST_BYTES, PodProgress, TableProgress

# As the image of the first release that has unfinished runs answers.
EARLIER = {
    "run": "r1",
    "task": "shard",
    "shard": 3,
    "rows": 3_000,
    "rowsPerSecond": 812.5,
    "step": "",
    "notice": "postgres at db:5432: the server is down; trying again",
    "tables": [{"name": "t", "rows": 3_000, "batches": [[0, 2], [5, 6]]}],
}

counts = st.integers(0, 10**18)
words = st.text(max_size=100)
intervals = st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)).map(lambda i: (i[0], sum(i)))
tables = st.builds(
    TableProgress,
    name=words,
    rows=counts,
    batches=st.lists(intervals, max_size=5).map(tuple),
    batch_rows=st.none() | st.integers(1, 10**18),
)
answers = st.builds(
    PodProgress,
    rows=counts,
    rows_per_second=st.floats(0, 10**18),
    step=words,
    notice=words,
    tables=st.lists(tables, max_size=5).map(tuple),
    run=words,
    task=words,
    shard=st.none() | counts,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(EARLIER)), inner),
    max_leaves=10,
)


def parsed(document: object) -> PodProgress | None:
    return PodProgress.parse(json.dumps(document).encode())


@given(answers)
@settings(max_examples=50, deadline=None)
def test_what_a_pod_answers_is_read_equal(answer: PodProgress) -> None:
    assert PodProgress.parse(answer.text()) == answer


@given(st.dictionaries(st.sampled_from(list(EARLIER)), anything))
@settings(max_examples=50, deadline=None)
def test_of_anything_else_only_what_a_pod_may_say_is_read(change: dict[str, Any]) -> None:
    progress = parsed(EARLIER | change)
    assert progress is None or PodProgress.parse(progress.text()) == progress


@given(st.binary())
@settings(max_examples=50, deadline=None)
def test_bytes_are_no_answer(body: bytes) -> None:
    assert PodProgress.parse(body) is None


def test_an_earlier_image_is_understood() -> None:
    """It does not tell how many rows a batch has."""
    assert parsed(EARLIER) == PodProgress(
        rows=3_000,
        rows_per_second=812.5,
        step="",
        notice="postgres at db:5432: the server is down; trying again",
        tables=(TableProgress("t", 3_000, ((0, 2), (5, 6))),),
        run="r1",
        task="shard",
        shard=3,
    )


def test_an_earlier_operator_is_told_all_that_it_reads() -> None:
    progress = PodProgress(30, 8.5, "publish", "", (TableProgress("a", 30, ((0, 3),), 10),), "id")
    assert json.loads(progress.text()) == {
        "run": "id",
        "task": "",
        "shard": None,
        "rows": 30,
        "rowsPerSecond": 8.5,
        "step": "publish",
        "notice": "",
        "tables": [{"name": "a", "rows": 30, "batchRows": 10, "batches": [[0, 3]]}],
    }


def test_an_answer_without_tables_is_one() -> None:
    assert parsed({"rows": 0, "rowsPerSecond": 0, "step": None}) == PodProgress(0, 0.0)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": "many"},
        {"rows": -1},
        {"rows": True},
        {"rows": 10**30},
        {"rowsPerSecond": 10**400},
        {"rowsPerSecond": float("nan")},
        {"rowsPerSecond": float("inf")},
        {"another": float("nan")},
        {"rowsPerSecond": None},
        {"tables": [7]},
        {"tables": [{"name": "t"}]},
        {"tables": [{"name": ["t"], "batches": []}]},
        {"tables": [{"name": "t", "batches": [[2, 1]]}]},
        {"tables": [{"name": "t", "batches": [["0", "1"]]}]},
        {"tables": [{"name": "t", "batches": [[0, 10**30]]}]},
        {"tables": [{"name": "t", "batches": [[0]]}]},
        {"tables": [{"name": "t", "batches": 7}]},
        {"tables": [{"name": "t", "batches": [], "batchRows": 0}]},
        {"tables": [{"name": "t", "batches": [], "batchRows": None}]},
        {"tables": [{"name": "t", "batches": [], "rows": "all"}]},
        {"tables": {"t": []}},
        {"tables": 7},
    ],
)
def test_what_a_worker_would_not_say_is_refused(change: dict[str, Any]) -> None:
    assert parsed(EARLIER | change) is None


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_what_is_no_object_is_refused(document: object) -> None:
    assert parsed(document) is None


def test_what_is_nested_too_deep_or_too_long_is_refused() -> None:
    assert PodProgress.parse(b'{"rows":' + b"[" * 60_000) is None
    assert PodProgress.parse(json.dumps(EARLIER).encode() + b" " * MOST_BYTES) is None


@pytest.mark.parametrize("name", ["step", "notice"])
def test_words_are_read_as_far_as_a_status_has_room_and_can_be_sent_on(name: str) -> None:
    progress = parsed(EARLIER | {name: "\ud800" + "x" * 10_000})
    assert progress is not None
    read = getattr(progress, name)
    assert read.startswith("?x")
    assert len(read) <= 1_000
    read.encode()
    assert getattr(parsed(EARLIER | {name: ["no", "text"]}), name) == ""


def test_the_last_tables_are_left_out_where_not_all_have_room() -> None:
    many = tuple(TableProgress(f"t{n:059d}", 1, ((0, 1),), 10) for n in range(2_000))
    full = PodProgress(1, 1.0, "\U0001f600" * 1_000, "\U0001f600" * 10_000, many)
    body = full.text()
    assert MOST_BYTES - 200 < len(body) <= MOST_BYTES
    read = PodProgress.parse(body)
    assert read is not None
    assert read.tables == many[: len(read.tables)]
