"""The benchmark's environment: a ROWMILL_HOME of its own, its servers, commands against them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml

from rowmill.local.home.folder import Home
from rowmill.local.servers import embedded
from tests.postgres_login import connect

ROOT = Path(__file__).parents[2]
WIDE = ROOT / "examples" / "wide.yaml"
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Done:
    """An ended command: wall seconds, its JSON, and its own (no worker's) VmHWM in bytes."""

    seconds: float
    document: Any
    peak_bytes: int

    @property
    def used(self) -> list[dict[str, float]]:
        """What each worker used, of an older tree's command too, which has another key for it."""
        document: dict[str, list[dict[str, float]]] = self.document
        return document["used"] if "used" in document else document["workers"]


@dataclass(frozen=True)
class Tree:
    """A checkout of Rowmill below `folder`, and the Python that has its packages."""

    folder: Path = ROOT
    python: Path = Path(sys.executable)


@dataclass
class Env:
    """Embedded servers below `folder`; what the user has under ROWMILL_HOME is never touched.

    `tree` is whose commands run against them.
    """

    folder: Path
    exports: Mapping[str, str] = field(repr=False)
    tree: Tree = Tree()

    @property
    def token(self) -> str:
        """What marks the processes of these servers as this home's."""
        return str(json.loads(Home(self.folder).servers_file.read_text("utf-8"))["token"])

    def manifest(self, name: str, rows: int, destinations: tuple[str, ...]) -> Path:
        """A variant of examples/wide.yaml, of another name, size and set of destinations."""
        document = yaml.safe_load(WIDE.read_text(encoding="utf-8"))
        document["metadata"]["name"] = name
        document["spec"]["tables"][0]["rows"] = rows
        known = document["spec"]["destinations"]
        document["spec"]["destinations"] = {key: known[key] for key in destinations}
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return path

    def start(self, *arguments: str, module: str = "rowmill") -> subprocess.Popen[str]:
        """Start `rowmill ARGUMENTS`, or another `module` with these, in a group of its own."""
        return subprocess.Popen(
            [str(self.tree.python), "-m", module, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.tree.folder,
            env=self.environment(),
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """The environment of a command: this home, no overrides, compiled modules kept."""
        unwanted = ("ROWMILL_", "PYTHONDONTWRITEBYTECODE")
        known = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
        # The Python may have another tree's Rowmill installed.
        return known | {"ROWMILL_HOME": str(self.folder), "PYTHONPATH": str(self.tree.folder)}

    def rowmill(self, *arguments: str, hear: Callable[[str], None] | None = None) -> Done:
        """Run `rowmill ARGUMENTS -o json` to its end.

        Args:
            hear: called with each line of its standard error as it comes.

        Raises:
            RuntimeError: it failed.
        """
        began = time.monotonic()
        process = self.start(*arguments, "-o", "json")
        with _watched(process.pid) as peak, _not_outliving(process):
            # The document comes last, and is smaller than a pipe.
            heard = "".join(_heard(process, hear)) if hear else ""
            out, err = process.communicate()
        seconds = time.monotonic() - began
        if process.returncode != 0:
            raise RuntimeError(
                f"rowmill {' '.join(arguments)}: {process.returncode}\n{out}{heard}{err}"
            )
        return Done(seconds, json.loads(out), max(peak))

    def delete(self, manifest: Path) -> None:
        """Remove an experiment with its data."""
        self.told("delete", "-f", str(manifest), "--yes")

    def told(self, *arguments: str) -> str:
        """What `rowmill ARGUMENTS` says on its standard output.

        Raises:
            RuntimeError: it failed.
        """
        process = self.start(*arguments)
        out, err = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"rowmill {arguments[0]}: {process.returncode}\n{out}{err}")
        return out

    def settle(self) -> None:
        """Have everything dirty written, so that no measurement pays for the one before."""
        with self.connect() as connection:
            connection.execute("CHECKPOINT")
        os.sync()

    def connect(self) -> psycopg.Connection:
        return connect(self.exports)


@contextmanager
def env() -> Iterator[Env]:
    """Servers under a temporary home, gone with their data when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="rowmill-bench-"))
    home = Home(folder)
    try:
        yield Env(folder, embedded.exports(embedded.up(home)))
    finally:
        with suppress(embedded.EmbeddedServerError):
            embedded.down(home)
        shutil.rmtree(folder, ignore_errors=True)


def _heard(process: subprocess.Popen[str], hear: Callable[[str], None]) -> Iterator[str]:
    for line in process.stderr or ():
        hear(line)
        yield line


@contextmanager
def _not_outliving(process: subprocess.Popen[str]) -> Iterator[None]:
    """End a command with all below it when the benchmark is interrupted."""
    try:
        yield
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """Follow the peak memory of a process, in bytes; the list grows by every reading."""
    peaks = [0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_POLL_SECONDS):
            peaks.append(peak_bytes(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def peak_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
