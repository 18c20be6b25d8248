"""Forks of the command line's process: what they share with it, and where there are none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[3]
# As the command line begins a run.
_BEGIN = """
import dataclasses, json, os, signal, sys, threading
from rowmill.local.workers.process_settings import set_for_workers

set_for_workers()
from tests.unit.local import child_mains
from rowmill.local.workers.child_process import set_to_work
from rowmill.local.workers.forked_children import forked_children

print("top", flush=True)
"""
_DESCRIBED = """
with forked_children(2) as children:
    said = []
    for child in list(children):
        set_to_work(child, child_mains.describe)
        said.append(child.pipe.recv())
        assert child.ended() and child.exit_code == 0
print(json.dumps(said))
"""
_LEFT = """
with forked_children(2) as children:
    working = children.pop()
    set_to_work(working, child_mains.wait_for_ever)
    number = working.pipe.recv()
    left = children[0]
    alive = not left.ended(0)
print(json.dumps([alive, left.ended(), left.exit_code, working.ended(0)]))
os.kill(number, signal.SIGTERM)
print(json.dumps([working.ended(), working.exit_code]))
"""
_BESIDE_A_THREAD = """
over = threading.Event()
threading.Thread(target=over.wait).start()
with forked_children(2) as children:
    print(json.dumps(len(children)))
over.set()
"""
_MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - name: people
      rows: 100
      columns: [{name: id, type: bigint}, {name: name, type: text}, {name: city, type: text}]
  destinations: {postgres: {}, parquet: {bucket: lake}}
"""
_AS_THE_RUN_COMMAND = f"""
import rowmill.cli.commands.run
from rowmill.local.workers.worker_process import prepare_forks
from rowmill.spec.load import load_spec

prepare_forks(load_spec("shop", text={_MANIFEST!r}))
with forked_children(3) as children:
    print(json.dumps(len(children)))
"""
_AS_A_WORKER = f"""
import rowmill.cli.commands.run
from rowmill.local.workers.worker_process import prepare_forks
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Connections, open_destinations

spec = load_spec("shop", text={_MANIFEST!r})
spec = spec if POSTGRES else dataclasses.replace(spec, postgres=None)
prepare_forks(spec)
known = set(sys.modules)
opened = open_destinations(spec, Connections("engine", dict, dict))
assert (opened.warehouse is not None) is POSTGRES and opened.lake is not None
print(json.dumps(sorted(set(sys.modules) - known)))
"""
_DIES = """
with forked_children(2) as children:
    for child in children:
        set_to_work(child, child_mains.wait_for_ever)
    print(json.dumps([child.pipe.recv() for child in children]), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


_OWN_ARENAS = (
    """
os.environ["MALLOC_ARENA_MAX"] = "what glibc passes over"
"""
    + _DESCRIBED
)


def script(text: str) -> subprocess.CompletedProcess[str]:
    environ = {"PYTHONPATH": ":".join([str(_ROOT), *sys.path])}
    command = [sys.executable, "-c", _BEGIN + text]
    # Its output ends with the last process that holds it.
    return subprocess.run(command, capture_output=True, text=True, env=environ, input="held")


def said(text: str) -> list[Any]:
    done = script(text)
    assert done.stderr == ""
    top, *lines = done.stdout.splitlines()
    assert top == "top"
    return [json.loads(line) for line in lines]


def test_a_fork_has_nothing_open_of_its_parents_but_its_pipe_and_handles_signals_plainly() -> None:
    [children] = said(_DESCRIBED)
    assert len(children) == 2
    for child in children:
        assert set(child["open"]) == {os.devnull, child["pipe"]}
        assert child["input"] == os.devnull
        assert child["blocked"]
        assert child["at SIGTERM"]
        assert child["Arrow's memory"] == "system"


def test_a_setting_of_glibc_that_is_no_number_kills_no_fork() -> None:
    [children] = said(_OWN_ARENAS)
    assert len(children) == 2


def test_those_that_are_not_set_to_work_end_with_the_block() -> None:
    left, killed = said(_LEFT)
    assert left == [True, True, 0, False]
    assert killed == [True, -15]


def test_a_process_with_another_thread_is_not_forked() -> None:
    assert said(_BESIDE_A_THREAD) == [0]


def test_what_a_run_loads_before_it_forks_starts_no_thread() -> None:
    assert said(_AS_THE_RUN_COMMAND) == [3]


@pytest.mark.parametrize("postgres", [True, False])
def test_what_a_worker_opens_is_imported_before_it_is_forked(postgres: bool) -> None:
    assert said(_AS_A_WORKER.replace("POSTGRES", str(postgres))) == [[]]


def test_forks_end_with_a_killed_parent() -> None:
    done = script(_DIES)
    assert done.returncode == -9
    assert len(json.loads(done.stdout.splitlines()[1])) == 2
