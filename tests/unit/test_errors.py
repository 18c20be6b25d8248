"""Every error that a face can meet is of one tree, from which each face reads what it answers."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import rowmill
import rowmill_job
import rowmill_operator
from rowmill.destinations.errors import RunReset
from rowmill.errors import RowmillError
from rowmill.local.home.remembered import MemoryDamaged
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.spec.problems import InvalidManifest, Problem
from rowmill.terminal.failures import EXIT_CODES, Exit, error_document, exit_code
from rowmill.worker.start.refusals import EditedManifest, FewerRows
from rowmill_job.outcome import CODES

PLAN = Plan("sha256:0", 1, (), ())
RUN = Run("id", "o", "u", 1, RunState.FAILED, PLAN, datetime.now(UTC), None, "", {})
# Those of which the text is made from other things.
MADE = [
    InvalidManifest([Problem("spec.seed", "too large", 3), Problem("spec.rerun", "too long")]),
    EditedManifest(RUN, 9, PLAN, None),
    MemoryDamaged("shop", Path("manifest.yaml"), "it is empty", [Problem("", "it is empty")]),
    FewerRows(replace(RUN, state=RunState.COMPLETED), 2, PLAN, "o", (1,)),
]


def _import_all() -> None:
    for package in (rowmill, rowmill_job, rowmill_operator):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _below(kind: type[RowmillError]) -> Iterator[type[RowmillError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def _errors() -> Iterator[RowmillError]:
    """One of each class of the tree."""
    made = {type(error): error for error in MADE}
    for kind in _below(RowmillError):
        words: dict[str, Any] = {
            "reason": "SomeReason",
            "message": f"a message of {kind.__name__}",
            "replaced": "id",
            "owner": "e/local/shop",
            "who": "another process",
            "here": True,
        }
        wanted = inspect.signature(kind).parameters
        yield made.get(kind) or kind(**{name: words[name] for name in words if name in wanted})


_import_all()
ERRORS = list(_errors())


def test_each_face_has_an_answer_to_each_branch_of_the_tree() -> None:
    branches = set(RowmillError.__subclasses__())
    assert {kind.__name__ for kind in branches} == {
        "Invalid",
        "NotFound",
        "Conflict",
        "Refused",
        "Unavailable",
        "Unsupported",
        "Differs",
        "Failed",
        "Interrupted",
    }
    assert set(EXIT_CODES) == branches
    # A pod ends otherwise where there is nothing left to do, which is no failure of a shard.
    assert set(CODES) == branches | {RunReset}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_has_an_exit_code_a_reason_and_a_document(error: RowmillError) -> None:
    assert exit_code(error) is not Exit.DONE
    assert re.fullmatch("([A-Z][a-z]+)+", error.reason)
    document = error_document(error)
    assert document.pop("problems", []) == [problem.as_json() for problem in error.problems]
    assert document == {
        "reason": error.reason,
        "message": str(error),
        "exitCode": exit_code(error).value,
    }


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_comes_whole_out_of_another_process(error: RowmillError) -> None:
    came = pickle.loads(pickle.dumps(error))
    assert (type(came), str(came), vars(came)) == (type(error), str(error), vars(error))
