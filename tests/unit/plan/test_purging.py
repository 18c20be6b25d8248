"""What an operator knows to have been written, and how it tells the pod of a purge."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill.plan.purging import Written, written_run

COMPLETE = {"number": 2, "id": "abc", "phase": "Complete", "rows": 10}


@pytest.mark.parametrize("written", [Written(3, "abc"), Written(12)])
def test_the_pod_reads_what_the_operator_wrote(written: Written) -> None:
    assert Written.from_text(written.to_text()) == written


def test_a_pod_that_is_told_nothing_knows_of_nothing() -> None:
    assert Written.from_text("") is None


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], None),
        ([{}], None),
        ([{"number": 1, "rows": 0}], None),
        ([{"number": 1, "rows": 5}], Written(1)),
        ([{"number": 1, "outcome": "Complete", "id": "abc", "rows": 0}], Written(1, "abc")),
        ([{"number": 1, "outcome": "Complete"}], Written(1)),
        ([{"number": 3, "rows": 5}, COMPLETE], Written(2, "abc")),
        ([COMPLETE, {"number": 4, "outcome": "Complete", "id": "def"}], Written(4, "def")),
        ([{"number": 1, "phase": "Failed", "rows": 5}, {"number": 2, "rows": 0}], Written(1)),
    ],
)
def test_the_published_run_counts_first_then_any_that_has_rows(
    runs: list[dict[str, Any]], expected: Written | None
) -> None:
    assert written_run(runs) == expected
