"""The names of `import rowmill`: what it lists is there, and errors go by them wherever they go."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import UTC, datetime

import pytest

import rowmill
from rowmill import api
from rowmill.local.run_errors import interrupted
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState

MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - {name: visits, rows: 9, primaryKey: [id], columns: [{name: id, type: bigint}]}
    - {name: people, rows: 9, columns: [{name: id, type: bigint}, {name: name, type: text}]}
  destinations: {parquet: {bucket: lake}}
"""
PLAN = Plan("sha256:0", 1, (), ())
RUN = Run("id", "o", "u", 1, RunState.FAILED, PLAN, datetime.now(UTC), None, "", {})
EXPECTED = [
    rowmill.DestinationRefused("DiskFull", "no room"),
    rowmill.DestinationUnavailable("away"),
    rowmill.EditedManifest(RUN, 9, PLAN, None),
    rowmill.EmbeddedServerError("no start"),
    rowmill.ImpossibleColumns("too few"),
    interrupted(),
    rowmill.NoRunToResume("nothing"),
    rowmill.NothingPublished("nothing"),
    rowmill.RunAborted("ended"),
    rowmill.RunFailed("failed"),
]


def test_what_is_listed_is_what_can_be_imported_before_any_of_it_was() -> None:
    code = "import rowmill; print(*dir(rowmill)); from rowmill import *; print(load, RunFailed)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].split() == sorted(rowmill.__all__)
    assert {*rowmill.__all__} == {*api.__all__, "__version__"}
    assert {name for name in rowmill.__all__ if not hasattr(rowmill, name)} == set()


@pytest.fixture
def invalid() -> rowmill.InvalidManifest:
    with pytest.raises(rowmill.InvalidManifest) as found:
        rowmill.load("m.yaml", text="kind: [Experiment, 2]")
    return found.value


def test_an_error_goes_by_the_name_that_it_is_caught_by(invalid: rowmill.InvalidManifest) -> None:
    for error in (invalid, *EXPECTED):
        kind = type(error)
        assert kind.__module__ == "rowmill"
        assert getattr(rowmill, kind.__qualname__) is kind
        assert isinstance(error, rowmill.RowmillError)
    assert {rowmill.RowmillError, *(type(error) for error in (invalid, *EXPECTED))} == {
        value
        for value in (getattr(rowmill, name) for name in rowmill.__all__)
        if isinstance(value, type) and issubclass(value, Exception)
    }


def test_an_error_comes_whole_out_of_a_process_of_the_callers(
    invalid: rowmill.InvalidManifest,
) -> None:
    for error in (invalid, *EXPECTED):
        came = pickle.loads(pickle.dumps(error))
        assert (type(came), str(came), vars(came)) == (type(error), str(error), vars(error))


def test_a_table_or_column_that_is_not_there_is_told_with_those_that_are() -> None:
    shop = rowmill.load("m.yaml", text=MANIFEST)
    with pytest.raises(KeyError) as found:
        shop.table("visit", 0, 5)
    assert found.value.args == ("there is no table 'visit'; the tables are visits, people",)
    with pytest.raises(KeyError) as found:
        shop.table("people", columns=["nam"])
    assert found.value.args == ("table 'people' has no column 'nam'; its columns are id, name",)
