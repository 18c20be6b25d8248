"""A pod resets an Experiment: the data goes, the records stay, and nothing is deleted twice."""

from collections.abc import Callable

import pytest

from rowmill.destinations.ledger import Ledger
from rowmill.plan.pod_contract import RUN_RESET, ExitCode
from rowmill.plan.pod_report import PurgeReport
from rowmill.plan.purging import PurgeEnd, Written
from rowmill.plan.runs import RunState
from rowmill.worker.shard import Stopped
from rowmill_job.outcome import Outcome
from rowmill_job.removing import run_reset
from tests.integration.experiments import PEOPLE, Connection, Manifest, count
from tests.integration.gate import Gate
from tests.integration.job.job_env import ENGINE, NAMESPACE, Pods

ALL = PurgeReport(PurgeEnd.REMOVED, tables=1, rows=2_500, objects=1)


def reset(outcome: Outcome) -> PurgeReport:
    """What a reset reports that came to its end."""
    assert outcome.purged is not None, outcome
    assert outcome.code is ExitCode.DONE
    return outcome.purged


def states(ledger: Ledger, name: str) -> list[tuple[int, RunState]]:
    runs = ledger.runs.of(f"{ENGINE}/{NAMESPACE}/{name}")
    return [(run.number, run.state) for run in runs]


def test_a_reset_removes_the_data_of_every_run_and_keeps_their_records(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection, ledger: Ledger
) -> None:
    pods.publish(content(tables=[PEOPLE]))
    pods.bundle(content(tables=[PEOPLE], seed=2), number=2)
    assert pods.run("shard", 0).code == 0
    ended = pods.run("reset")
    assert ended.code == 0, ended.log
    assert ended.message["purged"] == "removed"
    assert ended.message["removed"] == {"tables": 1, "rows": 2_500, "objects": 1}
    assert ended.message["message"] == (
        "removed 1 table (2,500 rows), 1 object, the work of 1 unfinished run"
    )
    assert states(ledger, name) == [(1, RunState.RESET), (2, RunState.RESET)]
    assert database.execute("SELECT to_regclass(%s)", (f"{name}.people",)).fetchone() == (None,)
    again = pods.outcome("reset")
    assert reset(again) == PurgeReport(PurgeEnd.NOTHING)
    assert again.message == "there was no data to remove"
    # A pod of the run that was reset makes nothing of it again; the next run makes all.
    finalized = pods.outcome("finalize")
    assert (finalized.code, finalized.reason) == (ExitCode.BAD_SPEC, RUN_RESET)
    assert finalized.message.endswith("is not to go on: its data was removed")
    pods.publish(content(tables=[PEOPLE]), number=3)
    assert count(database, name, "people") == 2_500


def test_a_purge_of_what_was_reset_has_nothing_to_purge(
    name: str, pods: Pods, content: Callable[..., Manifest], ledger: Ledger
) -> None:
    pods.publish(content(tables=[PEOPLE]))
    assert reset(pods.outcome("reset")) == ALL
    purged = pods.run("purge")
    assert (purged.code, purged.message["purged"]) == (0, "nothing")
    assert purged.message["message"] == "there was no data to remove"
    assert states(ledger, name) == []


def test_a_reset_of_a_run_that_is_not_the_newest_removes_nothing(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection, ledger: Ledger
) -> None:
    first = content(tables=[PEOPLE])
    pods.publish(first)
    pods.publish(content(tables=[PEOPLE], seed=2), number=2)
    pods.bundle(first)
    outcome = pods.outcome("reset")
    assert reset(outcome) == PurgeReport(PurgeEnd.TAKEN)
    assert outcome.message == (
        f"run 2 of {ENGINE}/{NAMESPACE}/{name} was begun since run 1: nothing was removed"
    )
    assert count(database, name, "people") == 2_500
    assert states(ledger, name) == [(1, RunState.COMPLETED), (2, RunState.COMPLETED)]


def test_a_restored_experiment_does_not_reset_what_was_made_since_its_backup(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection, ledger: Ledger
) -> None:
    """Its uid is another than the ledger has, and its status names a run that was replaced."""
    first = pods.publish(content(tables=[PEOPLE]))
    pods.publish(content(tables=[PEOPLE], seed=2), number=2)
    pods.bundle(content(tables=[PEOPLE]), uid="uid-2")
    outcome = pods.outcome("reset", Written(1, first.run))
    assert reset(outcome) == PurgeReport(PurgeEnd.TAKEN)
    assert outcome.message == (
        f"run 2 of {ENGINE}/{NAMESPACE}/{name} was begun since run 1: nothing was removed"
    )
    assert count(database, name, "people") == 2_500
    assert states(ledger, name) == [(1, RunState.COMPLETED), (2, RunState.COMPLETED)]


def test_a_reset_that_was_killed_midway_goes_on_and_tells_of_all_that_it_removed(
    name: str, pods: Pods, content: Callable[..., Manifest], ledger: Ledger, gate: Gate
) -> None:
    pods.publish(content(tables=[PEOPLE]))
    gate.close_before(f"{name}_ledger", "RESET")
    pod = pods.start("reset")
    pod.wait_until(lambda: gate.waiting(f"{name}_ledger"))
    pod.process.kill()
    assert pod.end().code == -9
    gate.open()
    assert states(ledger, name) == [(1, RunState.COMPLETED)]
    outcome = pods.outcome("reset")
    assert reset(outcome) == ALL
    assert outcome.message == "removed 1 table (2,500 rows), 1 object"
    assert states(ledger, name) == [(1, RunState.RESET)]
    assert reset(pods.outcome("reset")) == PurgeReport(PurgeEnd.NOTHING)


def test_a_reset_that_is_told_to_stop_leaves_the_next_what_to_tell_of(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    pods.publish(content(tables=[PEOPLE]))
    pod = pods.in_this_process("reset", lambda text: None)
    pod.stop.set()
    with pytest.raises(Stopped):
        run_reset(pod)
    assert reset(pods.outcome("reset")) == ALL


def test_what_an_experiment_applied_since_has_made_is_not_reset(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection
) -> None:
    pods.publish(content(tables=[PEOPLE]))
    pods.publish(content(tables=[PEOPLE], seed=1), uid="uid-2")
    pods.bundle(content(tables=[PEOPLE]))
    assert reset(pods.outcome("reset")) == PurgeReport(PurgeEnd.TAKEN)
    assert count(database, name, "people") == 2_500


def test_a_run_that_repeated_another_resets_the_data_of_that_one(
    name: str, pods: Pods, content: Callable[..., Manifest], ledger: Ledger
) -> None:
    """It left no record: the operator tells the pod which run its status names."""
    first = pods.publish(content(tables=[PEOPLE]))
    assert pods.publish(content(tables=[PEOPLE]), uid="uid-2").repeat
    assert pods.outcome("reset").purged == PurgeReport(PurgeEnd.TAKEN)
    assert reset(pods.outcome("reset", Written(1, first.run))) == ALL
    assert states(ledger, name) == [(1, RunState.RESET)]


def test_a_secret_that_leads_to_another_ledger_is_refused_with_the_annotation_to_take_away(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection
) -> None:
    published = pods.publish(content(tables=[PEOPLE]))
    database.execute(f"ALTER SCHEMA {name}_ledger RENAME TO {name}_moved")
    outcome = pods.outcome("reset", Written(1, published.run))
    assert (outcome.code, outcome.reason) == (ExitCode.REFUSED, "DataNotFound")
    assert "take the annotation rowmill.dev/reset away" in outcome.message
    assert count(database, name, "people") == 2_500


def test_a_bucket_alone_is_reset_as_well(
    name: str, pods: Pods, content: Callable[..., Manifest]
) -> None:
    pods.publish(content(tables=[PEOPLE], postgres=None))
    assert reset(pods.outcome("reset")) == PurgeReport(PurgeEnd.REMOVED, rows=2_500, objects=1)
    assert reset(pods.outcome("reset")) == PurgeReport(PurgeEnd.NOTHING)
