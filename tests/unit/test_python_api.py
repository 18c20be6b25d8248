"""The names of `import rowmill`: what it lists is there, and errors go by them wherever they go."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import rowmill
from rowmill import api
from rowmill.engine.request import RunRequest
from rowmill.local import supervision
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
    rowmill.ApiRefused("Forbidden", "you may not"),
    rowmill.ApiUnreachable("away"),
    rowmill.Conflict("NothingToAbort", "no live run"),
    rowmill.Differs("Differs", "other rows"),
    rowmill.Failed("RunFailed", "failed"),
    rowmill.Invalid("Usage", "wrong"),
    rowmill.MemoryDamaged("shop", Path("manifest.yaml"), "empty"),
    rowmill.NoAccess("no kubeconfig"),
    rowmill.NotFound("RunUnknown", "no run 7"),
    rowmill.QueryRefused("syntax error"),
    rowmill.Refused("FileRefused", "no room"),
    rowmill.ServersDown(),
    rowmill.Unavailable("Unavailable", "away"),
    rowmill.UnknownSecret("no such secret"),
    rowmill.Unkeyed("one value too many"),
    rowmill.Unsupported("ExtraMissing", "this needs kr8s"),
    rowmill.WarehouseUnreachable("away"),
    rowmill.InvalidArgument("no count"),
    rowmill.NoRunToResume("nothing"),
    rowmill.NothingPublished("nothing"),
    rowmill.RunAborted("ended"),
    rowmill.RunSuspended("run 1 was suspended"),
    rowmill.RunFailed("failed"),
]


def test_what_is_listed_is_what_can_be_imported_before_any_of_it_was() -> None:
    code = "import rowmill; print(*dir(rowmill)); from rowmill import *; print(load, RunFailed)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].split() == sorted(rowmill.__all__)
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
    assert found.value.args == ("there is no table 'visit'; did you mean 'visits'?",)
    with pytest.raises(KeyError) as found:
        shop.table("people", columns=["nam"])
    assert found.value.args == ("table 'people' has no column 'nam'; did you mean 'name'?",)
    with pytest.raises(KeyError) as found:
        shop.table("people", columns=["total"])
    assert found.value.args == ("table 'people' has no column 'total'; its columns are id, name",)


@pytest.fixture
def nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("it was begun")

    monkeypatch.setattr(api, "find_connections", begun)


def _refused(call: Callable[..., object], *args: object, **given: object) -> str:
    with pytest.raises(rowmill.InvalidArgument) as found:
        call(*args, **given)
    assert found.value.reason == "Usage"
    return str(found.value)


_NO_MODES: tuple[object, ...] = ("RESTART", "restrat", "", None, True, [])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        *[
            ({"batch_rows": value}, f"{value!r}: give a whole number from 1,000 to 100,000")
            for value in (7, 999, 100_001, True, 0, -5, 1000.5, 2_000.0, "1000")
        ],
        *[
            ({"workers": value}, f"{value!r}: give a whole number from 1 to 1,024")
            for value in (0, -1, 1_025, False, 1.0, "2")
        ],
        *[
            (
                {"mode": value},
                f"{value!r}: give one of rowmill.Mode.AUTO ('auto'), rowmill.Mode.RESUME "
                "('resume'), rowmill.Mode.RERUN ('rerun'), rowmill.Mode.RESTART ('restart')",
            )
            for value in _NO_MODES
        ],
        ({"on_progress": None}, "None: give a function of one argument"),
        ({"on_notice": 5}, "5: give a function of one argument"),
    ],
    ids=str,
)
def test_run_begins_nothing_with_a_parameter_that_it_does_not_take(
    nothing_begins: None, given: dict[str, object], told: str
) -> None:
    shop = rowmill.load("m.yaml", text=MANIFEST)
    assert _refused(shop.run, **given) == f"{next(iter(given))}={told}"


def test_run_takes_what_is_within_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[RunRequest] = []
    monkeypatch.setattr(supervision, "find_connections", lambda *_args: None)
    monkeypatch.setattr(
        supervision.Supervision, "run", lambda _self, request, _hooks: taken.append(request)
    )
    shop = rowmill.load("m.yaml", text=MANIFEST)
    shop.run(batch_rows=1_000, workers=1_024, mode="restart")
    shop.run(batch_rows=np.int64(100_000), workers=1, mode=rowmill.Mode.RESUME)
    shop.run()
    assert [(each.batch_rows, each.workers, each.mode) for each in taken] == [
        (1_000, 1_024, rowmill.Mode.RESTART),
        (100_000, 1, rowmill.Mode.RESUME),
        (None, None, rowmill.Mode.AUTO),
    ]
    assert {type(each.mode) for each in taken} == {rowmill.Mode}
    assert type(taken[1].batch_rows) is int


_DICT = 'give a dict, such as {"warehouse": "warehouse.env"}'


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"seed": 1.5}, "seed=1.5: give a whole number"),
        ({"seed": True}, "seed=True: give a whole number"),
        ({"seed": np.array([1, 2])}, "seed=array([1, 2]): give a whole number"),
        ({"seed": "7"}, "seed='7': give a whole number"),
        ({"text": b"kind: Experiment"}, "text is of type bytes: give a str"),
        ({"manifest": 5}, "manifest is of type int: give a str or a Path"),
        ({"secrets": ["pass"]}, f"secrets is of type list: {_DICT}"),
        ({"secrets": "pass"}, f"secrets is of type str: {_DICT}"),
        (
            {"secrets": {"lake": {"PGPASSWORD": "pass"}}},
            f"secrets has a pair of str and dict: {_DICT}, of names and files",
        ),
        (
            {"secrets": {"lake": "lake.env"}},
            "the manifest names no secret 'lake' (it names: none); "
            'secrets={"NAME": FILE} takes a `secretName` of its destinations',
        ),
    ],
    ids=str,
)
def test_load_refuses_a_parameter_that_it_does_not_take(
    given: dict[str, object], told: str
) -> None:
    assert _refused(rowmill.load, **{"manifest": "m.yaml", "text": MANIFEST, **given}) == told


def test_rows_are_asked_for_by_whole_numbers_and_columns_by_a_list() -> None:
    shop = rowmill.load("m.yaml", text=MANIFEST, seed=np.int64(3))
    assert type(shop.spec.dataset.seed) is int
    assert _refused(shop.table, "visits", 0.0, 5) == "start=0.0: give a whole number"
    assert _refused(shop.table, "visits", 0, 5.0) == "stop=5.0: give a whole number"
    assert _refused(shop.table, "visits", True) == "start=True: give a whole number"
    assert _refused(shop.table, "visits", columns="id") == "columns='id': give a list of names"
    assert shop.table("visits", np.int64(2), np.int64(5)).num_rows == 3


@pytest.mark.parametrize("begin", ["run", "start"])
def test_a_script_that_a_child_process_imports_anew_begins_no_run(
    begin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    experiment = rowmill.load("manifest.yaml", text=MANIFEST)
    with pytest.raises(RuntimeError, match="put the call under"):
        getattr(experiment, begin)(mode="no mode")
