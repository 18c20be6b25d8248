"""What a run of few rows takes is counted of all its processes, and held against a commit's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rowmill.spec.load import load_spec
from tests.bench import finalizing, startup
from tests.bench.env import Env
from tests.bench.finalizing import Timed
from tests.bench.startup import Counted

# Its child outlives it, belongs to nobody then, and works for a while.
_LEAVES_A_CHILD = """\
import subprocess, sys
busy = "import time\\nwhile time.process_time() < 0.4: pass"
subprocess.Popen([sys.executable, "-S", "-c", busy], start_new_session=True)
sys.exit(3)
"""


def test_processes_that_a_command_leaves_behind_count(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    counted = Path(startup.__file__).with_name("counted.py")
    command = [sys.executable, "-c", _LEAVES_A_CHILD]
    subprocess.run([sys.executable, str(counted), str(result), *command], check=True)
    document = json.loads(result.read_text("utf-8"))
    assert document["code"] == 3
    assert document["cpuSeconds"] > 0.4


def test_start_up_is_held_against_the_base_by_cpu_and_by_wall() -> None:
    base = [Counted(2.0, 4.0)] * 3
    cpu, wall = startup.figures([Counted(1.0, 1.88)] * 3, base)
    assert (cpu.met, wall.met) == (False, True)
    assert cpu.measured.startswith("0.47 times: 1.88 core-s")
    assert wall.measured.startswith("0.50 times: 1.00 s")


def test_where_processes_cannot_be_counted_the_table_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    none = Env(tmp_path, {})
    [figure] = startup.measure(none, none, 1, lambda text: None)
    assert figure.measured.startswith("not measured: only Linux")
    assert figure.met is None


def test_the_manifests_that_are_measured_are_good_ones(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(startup.MANIFEST, encoding="utf-8")
    few = load_spec(path).dataset.tables
    assert (len(few), sum(table.rows for table in few)) == (2, startup.ROWS)
    path.write_text(yaml.safe_dump(finalizing.eight_tables(1_000)), encoding="utf-8")
    eight = load_spec(path).dataset.tables
    assert [table.rows for table in eight] == [1_000] * 8
    assert sum(len(table.links) for table in eight) == 8


def test_finalize_is_held_against_one_step_after_another() -> None:
    one = Timed("one worker", [10.0, 10.0])
    met = finalizing.figure("8 tables", Timed("two workers", [6.0, 6.0]), one, most=0.7)
    assert (met.met, met.reach) == (True, "at most 0.70 times")
    two = Timed("two workers", [8.0, 8.0])
    assert finalizing.figure("8 tables", two, one, most=0.7).met is False
    told = finalizing.figure("the shop", two, one, most=None)
    assert (told.met, told.reach) == (None, "reported")
    assert told.measured.startswith("0.80 times: 8.0 s")
