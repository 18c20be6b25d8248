"""The exit code and the message that a pod leaves."""

import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.destinations.lake.claim import in_use
from rowmill.destinations.postgres.tables.ownership import refuse_owners
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


@pytest.mark.parametrize("owner", ["here/team/other", "me@the host/local/it's"])
def test_a_pod_names_the_annotation_that_takes_over_and_no_option(owner: str) -> None:
    with pytest.raises(DestinationRefused) as of_tables:
        refuse_owners({owner: "shop.orders"})
    for refused in (in_use("s3://b/shop", owner), of_tables.value):
        message = failed(refused).message
        assert message.endswith(
            f"or take it over: annotate this Experiment with rowmill.dev/adopt: {owner}"
        )
        assert "--adopt" not in message
