"""The exit code and the message that a pod leaves."""

import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.spec.problems import ImpossibleColumns, InvalidManifest, Problem
from rowmill_job.bundle import BundleRefused
from rowmill_job.outcome import failed, hide, stopped


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (BundleRefused("DigestDiffers", "x"), 64, "DigestDiffers"),
        (InvalidManifest([Problem("spec", "x")]), 64, "InvalidSpec"),
        (ImpossibleColumns("x"), 64, "ImpossibleColumns"),
        (DestinationRefused("TableExists", "x"), 65, "TableExists"),
        (DestinationUnavailable("x"), 70, "DestinationUnavailable"),
        (Fenced("x"), 70, "Fenced"),
        (MemoryError(), 70, "OutOfMemory"),
        (KeyError("x"), 70, "WorkerFailed"),
    ],
)
def test_every_error_has_its_exit_code_and_reason(error: Exception, code: int, reason: str) -> None:
    outcome = failed(error)
    assert (outcome.code, outcome.reason) == (code, reason)
    assert outcome.message


def test_a_stop_is_never_0() -> None:
    assert stopped().code == 143


def test_secrets_are_hidden_the_longest_first() -> None:
    assert hide("user abc at abcdef", ["abc", "abcdef"]) == "user *** at ***"
