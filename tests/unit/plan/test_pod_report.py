"""What a pod leaves at its end, the operator reads: the same, or what of it can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.plan.pod_report import (
    MOST_BYTES,
    PodReport,
    Published,
    PurgeReport,
    Used,
    VerifyReport,
)
from rowmill.plan.purging import PurgeEnd

# As the image of the first release that has unfinished runs leaves them.
EARLIER_SHARD = {
    "code": 0,
    "reason": "Done",
    "message": "all of the shard is in run 6f2c",
    "rows": 2_500,
    "shard": 1,
    "used": {"cpuSeconds": 1.25, "peakBytes": 104_857_600, "loadingCpuSeconds": 0.75},
}
EARLIER_FINALIZE = {
    "code": 0,
    "reason": "Done",
    "message": "run 1 is published",
    "rows": 5_000,
    "used": {"cpuSeconds": 1.25, "peakBytes": 104_857_600},
    "run": "6f2c",
    "repeat": False,
    "dataVersion": 1,
    "tables": {"people": 2_500, "orders": 2_500},
    "objects": 4,
    "bytes": 40_000,
    "checksum": "sha256:ab",
}
EARLIER_PURGE = {
    "code": 0,
    "reason": "Done",
    "message": "the data is removed",
    "rows": 0,
    "used": {"cpuSeconds": 1.25, "peakBytes": 104_857_600},
}
USED = Used(1.25, 104_857_600)

counts = st.integers(0, 10**18)
short = st.text("0123456789abcdef:", min_size=1, max_size=80)
amounts = st.floats(0, 10**9)
reports = st.builds(
    PodReport,
    code=st.integers(0, 255),
    reason=st.from_regex(r"[A-Z][A-Za-z]{1,30}", fullmatch=True),
    message=st.text(max_size=100),
    rows=counts,
    shard=st.none() | counts,
    used=st.none() | st.builds(Used, amounts, counts, st.none() | amounts),
    published=st.none()
    | st.builds(
        Published,
        run=short,
        repeat=st.booleans(),
        data_version=st.none() | st.integers(1, 9),
        parquet_types=st.none() | short,
        tables=st.none() | st.dictionaries(st.text(max_size=10), counts, max_size=5),
        objects=st.none() | counts,
        bytes=st.none() | counts,
        checksum=st.none() | short,
    ),
    purged=st.none() | st.builds(PurgeReport, st.sampled_from(PurgeEnd), counts, counts, counts),
    verified=st.none()
    | st.builds(VerifyReport, short, st.booleans(), counts, st.none() | short, counts, short),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def parsed(document: object) -> PodReport:
    return PodReport.parse(json.dumps(document))


@given(reports)
@settings(max_examples=50, deadline=None)
def test_what_a_pod_leaves_is_read_equal(report: PodReport) -> None:
    assert PodReport.parse(report.text().decode()) == report


@given(
    st.dictionaries(st.sampled_from([*EARLIER_FINALIZE, "purged", "removed", "verified"]), anything)
)
@settings(max_examples=50, deadline=None)
def test_of_anything_else_only_what_a_pod_may_say_is_read(document: dict[str, Any]) -> None:
    report = parsed(document)
    assert PodReport.parse(report.text().decode()) == report


@pytest.mark.parametrize(
    ("document", "report"),
    [
        (
            EARLIER_SHARD,
            PodReport(
                0,
                "Done",
                "all of the shard is in run 6f2c",
                2_500,
                1,
                Used(1.25, 104_857_600, 0.75),
            ),
        ),
        (
            EARLIER_FINALIZE,
            PodReport(
                *(0, "Done", "run 1 is published", 5_000, None, USED),
                published=Published(
                    run="6f2c",
                    data_version=1,
                    tables={"people": 2_500, "orders": 2_500},
                    objects=4,
                    bytes=40_000,
                    checksum="sha256:ab",
                ),
            ),
        ),
        (EARLIER_PURGE, PodReport(0, "Done", "the data is removed", 0, None, USED)),
    ],
    ids=["shard", "finalize", "purge"],
)
def test_an_earlier_image_is_understood(document: dict[str, Any], report: PodReport) -> None:
    """It tells neither the types of its Parquet objects nor how a purge ended."""
    assert parsed(document) == report
    assert json.loads(report.text()) == document, "so that an earlier operator understands too"


def test_a_purge_tells_how_it_ended() -> None:
    report = PodReport(0, "Done", "m", 0, purged=PurgeReport(PurgeEnd.PARTLY, 1, 2_500, 3))
    assert json.loads(report.text()) == {
        "code": 0,
        "reason": "Done",
        "message": "m",
        "rows": 0,
        "purged": "partly",
        "removed": {"tables": 1, "rows": 2_500, "objects": 3},
    }


def test_a_verify_tells_what_it_found() -> None:
    found = VerifyReport("6f2c", False, 2_500, "sha256:ab", 3, "people in postgres")
    assert json.loads(PodReport(0, "Done", "m", verified=found).text())["verified"] == {
        "id": "6f2c",
        "identical": False,
        "rows": 2_500,
        "differences": 3,
        "checksum": "sha256:ab",
        "where": "people in postgres",
    }
    assert parsed({"verified": {"id": "6f2c", "rows": 1}}).verified is None


@pytest.mark.parametrize(
    "text", ["", "Traceback (most recent call last):", "[1]", '{"code":', "[" * 4_096, "NaN"]
)
def test_what_is_no_message_of_a_worker_says_nothing(text: str) -> None:
    assert PodReport.parse(text) == PodReport()


def test_what_is_longer_than_the_kubelet_takes_says_nothing() -> None:
    assert PodReport.parse(json.dumps(EARLIER_SHARD) + " " * MOST_BYTES) == PodReport()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataVersion", "one"),
        ("dataVersion", True),
        ("checksum", ["sha256:ab"]),
        ("checksum", "x" * 1_000),
        ("run", 7),
        ("parquetTypes", {}),
        ("repeat", "yes"),
        ("tables", {"people": "many"}),
        ("bytes", -1),
    ],
)
def test_of_a_run_what_is_no_such_value_was_not_said(name: str, value: object) -> None:
    """A status that took it over would be refused, or end the look at the Experiment."""
    without = {key: known for key, known in EARLIER_FINALIZE.items() if key != name}
    assert parsed(EARLIER_FINALIZE | {name: value}) == parsed(without)


@pytest.mark.parametrize("reason", ["", "no word", "x" * 2_000, "ü", 7, None])
def test_a_reason_that_no_condition_takes_was_not_said(reason: object) -> None:
    assert parsed(EARLIER_SHARD | {"reason": reason}).reason == ""


@pytest.mark.parametrize("end", ["vanished", ["removed"], None])
def test_an_end_of_a_purge_that_is_not_known_was_not_said(end: object) -> None:
    assert parsed(EARLIER_PURGE | {"purged": end}).purged is None


def test_half_a_character_is_no_reason_to_lose_the_rest() -> None:
    report = PodReport.parse('{"message": "a\\ud800b"}')
    assert report.message == "a?b"


def test_many_tables_are_left_out_before_anything_is_cut() -> None:
    tables = {f"table {n}": n for n in range(1_000)}
    report = PodReport(0, "Done", "all", 5, published=Published("r", tables=tables))
    read = PodReport.parse(report.text().decode())
    assert read == PodReport(0, "Done", "all", 5, published=Published("r"))


@pytest.mark.parametrize("letter", ["x", '"', "é", "\U0001f600", "\n"])
def test_a_long_message_is_cut_to_what_the_kubelet_takes(letter: str) -> None:
    left = PodReport(65, "R", letter * 10_000, 5).text()
    assert MOST_BYTES - 40 < len(left) <= MOST_BYTES
    read = PodReport.parse(left.decode())
    assert read.message.endswith(f"{letter}...")
    assert (read.code, read.rows) == (65, 5)
