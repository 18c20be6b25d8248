"""Runs from Python programs as people write them: without a guard, from a pipe, in a child."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.experiments import PEOPLE, Connection, manifest, write

# No guard: what is at the top would be done once for each process that imports the file.
_IN_A_THREAD = """
from threading import Thread
import rowmill

print("top", flush=True)

def load():
    shop = rowmill.load(FILE)
    outcome = shop.run(workers=2)
    print(outcome.run.state, shop.verify().identical, flush=True)

thread = Thread(target=load)
thread.start()
thread.join()
"""
# A daemonic process, as the workers of multiprocessing's own pools are, may have no children of
# multiprocessing.
_IN_A_DAEMON = """
import multiprocessing
import rowmill

print("top", flush=True)

def load():
    shop = rowmill.load(FILE)
    print(shop.run().run.state, shop.verify().identical, flush=True)

child = multiprocessing.get_context("fork").Process(target=load, daemon=True)
child.start()
child.join()
"""


@pytest.fixture(autouse=True)
def _servers(servers: object) -> Iterator[None]:
    return iter([None])


@pytest.mark.parametrize(
    ("text", "piped"), [(_IN_A_THREAD, False), (_IN_A_DAEMON, True)], ids=["file", "piped"]
)
def test_a_program_without_a_guard_runs_once_and_leaves_no_other_schema(
    name: str, tmp_path: Path, database: Connection, text: str, piped: bool
) -> None:
    file = write(tmp_path / "m.yaml", manifest(name, tables=[PEOPLE], parquet=None))
    program = write_program(tmp_path, text.replace("FILE", repr(str(file))))
    done = subprocess.run(
        [sys.executable, "-" if piped else str(program)],
        input=program.read_text() if piped else None,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert (done.stdout.splitlines(), done.stderr) == (["top", "COMPLETED True"], "")
    assert schemas_of(database, name) == [name]


def write_program(folder: Path, text: str) -> Path:
    program = folder / "program.py"
    program.write_text(text)
    return program


def schemas_of(database: Connection, name: str) -> list[str]:
    """The schema with the data, and those of runs that ended without being published."""
    runs = "SELECT id FROM rowmill.runs WHERE owner LIKE %s"
    found = [str(run) for (run,) in database.execute(runs, (f"%/{name}",)).fetchall()]
    names = [name, *(f"rowmill_run_{run}" for run in found)]
    there = "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s) ORDER BY 1"
    return [str(schema) for (schema,) in database.execute(there, (names,)).fetchall()]
