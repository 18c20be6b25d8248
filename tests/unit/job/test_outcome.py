"""The exit code and the message that a pod leaves."""

import json

import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.spec.problems import ImpossibleColumns, InvalidManifest, Problem
from rowmill_job.bundle import BundleRefused
from rowmill_job.outcome import MOST_BYTES, done, failed, hide, stopped, termination_message


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


def test_the_message_holds_what_is_known() -> None:
    outcome = done("all", {"run": "r", "tables": {"a": 1}})
    message = json.loads(termination_message(outcome, {"rows": 5, "shard": 3}))
    assert message == {
        "code": 0,
        "reason": "Done",
        "message": "all",
        "rows": 5,
        "shard": 3,
        "run": "r",
        "tables": {"a": 1},
    }


def test_many_tables_are_left_out_before_anything_is_cut() -> None:
    tables = {f"table {n}": n for n in range(1_000)}
    outcome = done("all", {"run": "r", "tables": tables})
    message = json.loads(termination_message(outcome, {"rows": 5}))
    assert message == {"code": 0, "reason": "Done", "message": "all", "rows": 5, "run": "r"}


@pytest.mark.parametrize("letter", ["x", '"', "é", "\U0001f600", "\n"])
def test_a_long_message_is_cut_to_what_the_kubelet_takes(letter: str) -> None:
    left = termination_message(failed(DestinationRefused("R", letter * 10_000)), {"rows": 5})
    message = json.loads(left)
    assert MOST_BYTES - 40 < len(left) <= MOST_BYTES
    assert message["message"].endswith(f"{letter}...")
    assert (message["code"], message["rows"]) == (65, 5)


def test_secrets_are_hidden_the_longest_first() -> None:
    assert hide("user abc at abcdef", ["abc", "abcdef"]) == "user *** at ***"
