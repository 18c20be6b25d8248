"""What is asked about a manifest, as plain data that goes to a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """A manifest, and what is set over it.

    `data_version` is that of the run whose rows are meant, or of the newest: a manifest that names
    none is made by it. None if there is no run.
    """

    manifest: str
    scale: str | None = None
    seed: int | None = None
    data_version: int | None = None


@dataclass(frozen=True)
class Asked:
    """One question: `about` is the name of its answer in `process.ANSWERS`, with its arguments."""

    about: str
    text: Text
    arguments: dict[str, Any]
