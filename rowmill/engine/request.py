"""What is asked of an engine: which manifest to run, with what set over it, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from rowmill.engine.consent import Consent
from rowmill.spec.load import Overrides

# The `if_match` of an experiment that is to be created: nobody else may have made it meanwhile.
ABSENT = ""


class Mode(StrEnum):
    """What the user asked for: nothing special, `--resume`, `rerun` or `--restart`.

    RERUN makes the next run though nothing has changed, and refuses to drop an unfinished one.
    """

    AUTO = "auto"
    RESUME = "resume"
    RERUN = "rerun"
    RESTART = "restart"


@dataclass(frozen=True)
class RunRequest:
    """How a run is to be made; each None means the manifest's or the engine's default.

    `adopt` is the owner key of another experiment whose tables and prefix are taken over. `agreed`
    are ids of the published runs that the user lets one of fewer rows replace; None: all of them.
    `if_match` is the `etag` that the experiment must still have once no other run can begin; None
    for any.
    """

    workers: int | None = None
    batch_rows: int | None = None
    mode: Mode = Mode.AUTO
    adopt: str | None = None
    agreed: frozenset[str] | None = None
    if_match: str | None = None

    def by(self, consent: Consent) -> RunRequest:
        """The same, with what its user agrees to."""
        mode = Mode.RESTART if consent.restart else self.mode
        return replace(self, mode=mode, agreed=consent.replaced)

    @property
    def lasting(self) -> RunRequest:
        """What of it holds for the runs after it, too."""
        return RunRequest(workers=self.workers, batch_rows=self.batch_rows)


@dataclass(frozen=True)
class ApplyRequest:
    """A manifest to run, and how: see `RunRequest`.

    `secrets` are files by the name of the secret that they stand for, of one machine alone.
    """

    manifest: str
    overrides: Overrides = field(default_factory=Overrides)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    mode: Mode = Mode.AUTO
    adopt: str | None = None
    agreed: frozenset[str] | None = None
    workers: int | None = None
    batch_rows: int | None = None

    def run_request(self, if_match: str | None = None) -> RunRequest:
        """How the run is to be made."""
        return RunRequest(
            workers=self.workers,
            batch_rows=self.batch_rows,
            mode=self.mode,
            adopt=self.adopt,
            agreed=self.agreed,
            if_match=if_match,
        )
