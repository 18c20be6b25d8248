"""Child processes, and the scripts of those who start them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# The script is a file that multiprocessing could import, and has no guard.
_STARTS_A_CHILD = """
import os
print("top", flush=True)
from tests.unit.local import child_mains
from rowmill.local.workers.child_process import set_to_work, start_child

child = start_child()
set_to_work(child, child_mains.answer, "how", {"deep": [1]})
print(child.pipe.recv(), child.ended(), child.exit_code, flush=True)
"""
_STARTS_A_DETACHED_CHILD = """
from tests.unit.local import child_mains
from rowmill.local.workers.child_process import set_to_work, start_child

child = start_child(detached=True)
set_to_work(child, child_mains.describe_session)
print(*child.pipe.recv(), child.ended(), flush=True)
"""
_IMPORTED_BY_A_CHILD = """
import multiprocessing
import rowmill

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=print)
    child.start()
    child.join()
else:
    rowmill.load("m.yaml", text=MANIFEST).run()
"""
_MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: imported}
spec:
  seed: 1
  tables: [{name: a, rows: 1, columns: [{name: id, type: bigint}]}]
  destinations: {postgres: {schema: imported}}
"""


def script(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "script.py"
    path = f"import sys\nsys.path[:0] = [{str(ROOT)!r}]\n"
    file.write_text(path + text)
    environ = {"ROWMILL_HOME": str(tmp_path / "home"), "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, env=environ, check=True
    )


def test_a_child_runs_a_function_and_not_the_script_that_started_it(tmp_path: Path) -> None:
    done = script(tmp_path, _STARTS_A_CHILD)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["top", "('how', {'deep': [1]}) True 0"]


def test_a_detached_child_has_its_own_session_and_no_stream_of_its_parents(tmp_path: Path) -> None:
    done = script(tmp_path, _STARTS_A_DETACHED_CHILD)
    streams = ["/dev/null"] * 3
    assert done.stdout == f"True {streams} {Path.cwd()} True\n"


def test_a_run_is_refused_in_a_child_that_imports_the_script_and_nothing_begins(
    tmp_path: Path,
) -> None:
    done = script(tmp_path, _IMPORTED_BY_A_CHILD.replace("MANIFEST", repr(_MANIFEST)))
    assert 'put the call under `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
    assert not (tmp_path / "home").exists()
