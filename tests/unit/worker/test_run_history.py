"""What an experiment's runs say of its data."""

from dataclasses import replace

import pytest

from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.replacement import Replaced
from rowmill.plan.runs import RunState
from rowmill.spec.load import load_spec
from rowmill.worker.run_history import beyond_limit, published_run, replacement, types_kept
from tests.unit.worker.runs import NEW, run


def plan(*tables: str) -> Plan:
    """Of ten rows a table."""
    return Plan(
        NEW, 1, tuple(TableLayout(table, 10, 8, 1_000, 1_000, 1_000) for table in tables), ()
    )


def test_a_failed_rerun_leaves_the_older_run_published() -> None:
    known = [run(1, RunState.COMPLETED), run(2, RunState.FAILED)]
    assert published_run(known) == known[0]


def test_data_that_was_reset_is_not_published() -> None:
    assert published_run([run(1, RunState.COMPLETED), run(2, RunState.RESET)]) is None


C, F, A, R = RunState.COMPLETED, RunState.FAILED, RunState.ABORTED, RunState.RESET


@pytest.mark.parametrize(
    ("states", "limit", "gone"),
    [
        ([C, C, C, C], 2, [1, 2]),
        ([C, C, C, C], 9, []),
        ([C, F, A, C], 1, [1, 2, 3]),
        # The published run counts, and stays if it is beyond.
        ([C, C, F, F, F], 2, [1, 3]),
        # What failed of late may have left something.
        ([C, F, A, F], 0, [2]),
        ([F, F, A, RunState.RUNNING], 1, [1, 2]),
        # The newest is what is counted from.
        ([C, C, R], 0, [1, 2]),
        ([C, R, C, RunState.RUNNING], 0, [1, 2]),
        ([C, C, RunState.PUBLISHING], 1, [1]),
        ([], 0, []),
    ],
)
def test_ended_runs_beyond_the_newest_of_so_many_are_needed_no_more(
    states: list[RunState], limit: int, gone: list[int]
) -> None:
    known = [run(number, state) for number, state in enumerate(states, 1)]
    assert [each.number for each in beyond_limit(known, limit)] == gone


def test_what_is_replaced_is_told_with_its_rows_and_the_tables_that_go() -> None:
    old = replace(run(1, RunState.COMPLETED), plan=plan("people", "orders"))
    assert replacement(None, plan("people"), "o") is None
    assert replacement(old, plan("people"), "o") == Replaced(1, 20, gone=("orders",))
    assert replacement(old, plan("people", "orders"), "other") == Replaced(1, 20, owner="o")


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        ("parquet: {bucket: lake, types: native}", False),
        ("parquet: {bucket: lake}", True),
        ("postgres: {}", False),
    ],
)
def test_a_run_that_keeps_other_parquet_types_is_told_of(destination: str, told: bool) -> None:
    spec = load_spec(
        "one",
        text="{apiVersion: rowmill.dev/v1alpha1, kind: Experiment, metadata: {name: one}, spec: "
        "{tables: [{name: t, rows: 1, columns: [{name: id, type: bigint}]}], "
        f"destinations: {{{destination}}}}}}}",
    )
    notice = types_kept(run(1, RunState.COMPLETED), spec)
    assert (notice is not None) is told
    assert notice is None or "(native)" in notice
