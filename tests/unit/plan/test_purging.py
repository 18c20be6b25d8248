"""How an operator tells the pod of a purge what is known to have been written."""

from __future__ import annotations

import pytest

from rowmill.plan.purging import Written


@pytest.mark.parametrize("written", [Written(3, "abc"), Written(12)])
def test_the_pod_reads_what_the_operator_wrote(written: Written) -> None:
    assert Written.from_text(written.to_text()) == written


def test_a_pod_that_is_told_nothing_knows_of_nothing() -> None:
    assert Written.from_text("") is None
