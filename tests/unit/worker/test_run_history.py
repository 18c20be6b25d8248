"""What an experiment's runs say of its data."""

from dataclasses import replace

import pytest

from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.replacement import Replaced
from rowmill.plan.runs import RunState
from rowmill.spec.load import load_spec
from rowmill.worker.run_history import published_run, replacement, types_kept
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
