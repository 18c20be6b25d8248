"""What is known of a run's data in a sentence, which says nothing twice."""

from __future__ import annotations

import pytest

from rowmill.engine.records import RunRecord, State
from rowmill.engine.verdict import Verdict
from rowmill.views.verdicts import verdict_sentence


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("", "Interrupted"),
        (
            "interrupted; `rowmill verify shop` does it",
            "interrupted; `rowmill verify shop` does it",
        ),
        ("the process ended", "Interrupted: the process ended"),
    ],
)
def test_a_reason_that_the_message_begins_with_is_said_once(message: str, said: str) -> None:
    run = RunRecord(experiment="shop", namespace="local", state=State.COMPLETED)
    verdict = Verdict(reason="Interrupted", message=message)
    assert verdict_sentence(run, verdict) == f"not verified: {said}"
