"""A virtual environment for each reader, made from its lock and made again when that changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = Path(__file__).parent
ENVIRONMENTS = ROOT / ".venv" / "readers"


class NotMade(Exception):
    """An environment cannot be made."""


def interpreter(reader: str) -> Path:
    """The Python of a reader's environment, which is made first if need be.

    Raises:
        NotMade: a package cannot be installed, or Java is missing.
    """
    folder = ENVIRONMENTS / reader
    python = folder / "bin" / "python"
    locks = [path for path in (_build_lock(reader), _lock(reader)) if path.exists()]
    state = _state(locks)
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text(encoding="ascii") != state:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, symlinks=True)
        for lock in locks:
            _install(python, lock)
        stamp.write_text(state, encoding="ascii")
    return python


def require_java() -> None:
    """Raise NotMade unless there is a Java to run."""
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and (Path(home) / "bin" / "java").exists()):
        raise NotMade(
            "it needs Java, which neither PATH nor JAVA_HOME has; on Debian install the package "
            "openjdk-17-jre-headless"
        )


def _lock(reader: str) -> Path:
    return LOCKS / f"{reader}.lock"


def _build_lock(reader: str) -> Path:
    """What its packages are built with, where one comes as source alone."""
    return LOCKS / f"{reader}.build.lock"


def _state(locks: list[Path]) -> str:
    whole = hashlib.sha256(sys.version.encode())
    for lock in locks:
        whole.update(lock.read_bytes())
    return whole.hexdigest()


def _install(python: Path, lock: Path) -> None:
    command = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet"]
    command += ["--no-deps", "--require-hashes", "--no-build-isolation", "--requirement", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotMade(f"pip cannot install {lock.relative_to(ROOT)}:\n{done.stderr.strip()}")
