"""Which run is known to have written data, by what a status tells."""

from __future__ import annotations

import pytest

from rowmill.plan.purging import Written
from rowmill.spec.manifest.status import PastRunStatus
from rowmill_operator.model.run_in_status import written_run

COMPLETE = PastRunStatus(2, id="abc", phase="Complete", rows=10)


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
        ([PastRunStatus(1, phase="Reset", rows=5), PastRunStatus(2, phase="Reset", rows=5)], None),
        ([PastRunStatus(1, phase="Reset", rows=5), PastRunStatus(2, rows=1)], Written(2)),
        ([PastRunStatus(1, phase="Failed", rows=5), PastRunStatus(2, rows=0)], Written(1)),
    ],
)
def test_the_published_run_counts_first_then_any_that_has_rows(
    runs: list[PastRunStatus], expected: Written | None
) -> None:
    assert written_run(runs) == expected
