"""The tree of an older commit, and commands of it that can be stopped at a chosen place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.history import unpack

STANDSTILL = Path(__file__).with_name("standstill")
TIMEOUT = 120


@dataclass(frozen=True)
class OldTree:
    """The files of a commit below `folder`, run by this interpreter with this one's packages.

    That is the environment of the commit too as long as its lock files are today's.
    """

    folder: Path
    env: Mapping[str, str]

    @classmethod
    def of(cls, commit: str, folder: Path, env: Mapping[str, str]) -> OldTree:
        """Unpack a known commit; `env` are variables of all its commands."""
        unpack(commit, folder)
        return cls(folder, env)

    def start(
        self, module: str, *words: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a module of the tree in a process group of its own; its output is one stream."""
        stray = ("PG", "AWS_", "ROWMILL_", "PYTHONDONTWRITEBYTECODE")
        known = {key: value for key, value in os.environ.items() if not key.startswith(stray)}
        parts = [STANDSTILL, self.folder, self.folder / "job_image"]
        path = os.pathsep.join(map(str, parts))
        return subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env={**known, "PYTHONPATH": path, **self.env, **(env or {})},
            start_new_session=True,
        )

    def run(self, module: str, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run it to its end, which must be a good one; returns what it said."""
        return self.finish(self.start(module, *words, env=env))

    def finish(self, process: subprocess.Popen[str], codes: Sequence[int] = (0,)) -> str:
        said, _ = process.communicate(timeout=TIMEOUT)
        if process.returncode not in codes:
            raise RuntimeError(f"it ended with {process.returncode}: {said}")
        return said

    def script(self, text: str, standard_input: str) -> Any:
        """Run a Python text on the tree's packages and tests; returns its standard output."""
        tests = self.folder / "tests/integration"
        parts = [self.folder, self.folder / "job_image", tests, tests / "job"]
        done = subprocess.run(
            [sys.executable, "-c", text],
            input=standard_input,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, parts))},
        )
        return done.stdout


def standstill(place: str, call: int, file: Path | None) -> dict[str, str]:
    """The variable that lets a process stand still there, having made `file`, or die if None."""
    return {"STANDSTILL": f"{place}:{call}:{file or ''}"}


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a process of the group stands still."""
    deadline = time.monotonic() + TIMEOUT
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            kill(process)
            said, _ = process.communicate()
            raise RuntimeError(f"it never stood still at {file.name}: {said}")
        time.sleep(0.02)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process with all of its group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(TIMEOUT)
