"""The files of older commits, out of the repository's history."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Why a test of an older commit is skipped. Nothing installs history into a shallow clone, so that
# this one skip is none in CI to fail for.
NO_HISTORY = "the history of this clone does not reach back to"


def full_hash(commit: str) -> str | None:
    """The whole hash of a commit; None if the history here, a shallow clone's say, lacks it."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return told.stdout.strip() or None


def unpack(commit: str, folder: Path) -> None:
    """Write the files of a commit that the history has into a new folder."""
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
        files.extractall(folder, filter="data")
