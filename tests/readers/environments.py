"""A virtual environment for each reader, made from its lock and made again when that changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.readers.known import Reader

ROOT = Path(__file__).parents[2]
LOCKS = Path(__file__).parent
ENVIRONMENTS = ROOT / ".venv" / "readers"


class NotMade(Exception):
    """An environment cannot be made."""


def interpreter(reader: Reader) -> Path:
    """The Python of a reader's environment, which is made first if need be.

    Raises:
        NotMade: a package cannot be installed, or Java is missing.
    """
    if reader.java and not _java_is_there():
        raise NotMade(
            "it needs Java, which neither PATH nor JAVA_HOME has; on Debian install the package "
            "openjdk-17-jre-headless"
        )
    folder = ENVIRONMENTS / reader.name
    python = folder / "bin" / "python"
    # What is built from source is built with the first one's packages.
    locks = [LOCKS / f"{reader.name}.build.lock", LOCKS / f"{reader.name}.lock"]
    locks = [lock for lock in locks if lock.exists()]
    state = _state(locks)
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text(encoding="ascii") != state:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, symlinks=True)
        for lock in locks:
            _install(python, lock)
        stamp.write_text(state, encoding="ascii")
    return python


def _java_is_there() -> bool:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java") is not None or (
        home is not None and (Path(home) / "bin" / "java").exists()
    )


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
