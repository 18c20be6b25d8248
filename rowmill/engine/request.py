"""What is asked of an engine: which manifest to run, with what set over it, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rowmill.spec.load import Overrides


class Mode(StrEnum):
    """What the user asked for: nothing special, `--resume`, `rerun` or `--restart`.

    RERUN makes the next run though nothing has changed, and refuses to drop an unfinished one.
    """

    AUTO = "auto"
    RESUME = "resume"
    RERUN = "rerun"
    RESTART = "restart"


@dataclass(frozen=True)
class ApplyRequest:
    """A manifest to run; each None means the manifest's or the engine's default.

    `secrets` are files by the name of the secret that they stand for, of one machine alone;
    `adopt` is the owner key of another experiment whose tables and prefix are taken over, `agreed`
    are ids of the published runs that one of fewer rows may replace, None for all of them.
    """

    manifest: str
    overrides: Overrides = field(default_factory=Overrides)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    mode: Mode = Mode.AUTO
    adopt: str | None = None
    agreed: frozenset[str] | None = None
    workers: int | None = None
    batch_rows: int | None = None
