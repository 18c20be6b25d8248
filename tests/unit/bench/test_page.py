"""Each command that measures writes its own part of docs/benchmarks.md, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bench import page


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "benchmarks.md"


def test_parts_come_in_their_order_whoever_writes_first(written: Path) -> None:
    page.write(page.SIMULATED, ["many"], written)
    page.write(page.ONE_MACHINE, ["", "one", "", "## The machine", "", "fast", ""], written)
    page.write(page.IN_PODS, ["pods"], written)
    assert written.read_text("utf-8") == (
        f"{page.ONE_MACHINE}\n\none\n\n## The machine\n\nfast\n\n"
        f"{page.IN_PODS}\n\npods\n\n"
        f"{page.SIMULATED}\n\nmany\n"
    )


def test_a_part_that_is_measured_again_replaces_itself_alone(written: Path) -> None:
    for heading in (page.ONE_MACHINE, page.IN_PODS, page.SIMULATED):
        page.write(heading, ["old"], written)
    page.write(page.IN_PODS, ["new"], written)
    assert written.read_text("utf-8") == (
        f"{page.ONE_MACHINE}\n\nold\n\n{page.IN_PODS}\n\nnew\n\n{page.SIMULATED}\n\nold\n"
    )


def test_the_readme_tells_what_was_measured_against_what_and_which_targets_were_missed() -> None:
    readme = (page.PAGE.parents[1] / "README.md").read_text("utf-8")
    [told] = [text for text in readme.split("\n\n") if text.startswith("How fast")]
    rows = [line.split(" | ") for line in page.PAGE.read_text("utf-8").splitlines()]
    shared = [row for row in rows if "cores apart" not in row[0]]
    alone, both = [row for row in shared if "bare COPY" in row[0]]
    # The slower one has more to do, and a baseline of its own.
    assert "first batch to last durable one" in alone[0]
    assert "first batch to last durable one" in told
    assert "with a bare multipart upload of the ready parts beside it" in both[0]
    assert f"{_times(alone[2])} the time of a bare `COPY` of the same rows" in told
    assert (
        f"{_times(both[2])} the time of that `COPY` with a bare upload of the ready Parquet" in told
    )
    missed = [_times(row[1]) for row in (alone, both) if "**no**" in row[3]]
    assert re.findall(r"misses the targets?, (.+?)\. ", told) == [" and ".join(missed)] * bool(
        missed
    )


def _times(cell: str) -> str:
    [first, *_] = re.findall(r"[0-9.]+ times", cell)
    return str(first)


def test_the_page_that_is_there_is_understood() -> None:
    text = page.PAGE.read_text("utf-8")
    assert text.startswith(f"{page.ONE_MACHINE}\n")
    assert "`make bench`" in text.partition("\n## On Kubernetes")[0]
