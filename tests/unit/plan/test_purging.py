"""What an operator knows to have been written, and how it tells the pod of a purge."""

from __future__ import annotations

import pytest

from rowmill.plan.purging import Written, written_run
from rowmill.spec.manifest_status import PastRunStatus

COMPLETE = PastRunStatus(2, id="abc", phase="Complete", rows=10)


@pytest.mark.parametrize("written", [Written(3, "abc"), Written(12)])
def test_the_pod_reads_what_the_operator_wrote(written: Written) -> None:
    assert Written.from_text(written.to_text()) == written


def test_a_pod_that_is_told_nothing_knows_of_nothing() -> None:
    assert Written.from_text("") is None


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], None),
        ([PastRunStatus(1)], None),
        ([PastRunStatus(1, rows=0)], None),
        ([PastRunStatus(1, rows=5)], Written(1)),
        ([PastRunStatus(1, id="abc", phase="Complete", rows=0)], Written(1, "abc")),
        ([PastRunStatus(1, phase="Complete")], Written(1)),
        ([PastRunStatus(3, rows=5), COMPLETE], Written(2, "abc")),
        ([COMPLETE, PastRunStatus(4, id="def", phase="Complete")], Written(4, "def")),
        ([PastRunStatus(1, phase="Failed", rows=5), PastRunStatus(2, rows=0)], Written(1)),
    ],
)
def test_the_published_run_counts_first_then_any_that_has_rows(
    runs: list[PastRunStatus], expected: Written | None
) -> None:
    assert written_run(runs) == expected
