"""How a pod's work ended: the exit code that the Job acts on and the message that it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rowmill.destinations.errors import DestinationUnavailable, RunReset
from rowmill.errors import (
    Conflict,
    Differs,
    Failed,
    Interrupted,
    Invalid,
    NotFound,
    Refused,
    RowmillError,
    Unavailable,
    Unsupported,
    by_class,
)
from rowmill.plan.pod_contract import RUN_RESET, ExitCode
from rowmill.plan.pod_report import PodReport, Published, PurgeReport, Used, VerifyReport
from rowmill.spec.problems import InvalidManifest
from rowmill_job.cluster_words import in_cluster

# By class: whether the Job ends for good, is made again, or tries the pod again.
CODES: Mapping[type[RowmillError], ExitCode] = {
    Invalid: ExitCode.BAD_SPEC,
    NotFound: ExitCode.FAILED,
    Conflict: ExitCode.FAILED,
    Unsupported: ExitCode.BAD_SPEC,
    Refused: ExitCode.REFUSED,
    Unavailable: ExitCode.FAILED,
    Differs: ExitCode.FAILED,
    Failed: ExitCode.FAILED,
    # As its next pod would end.
    RunReset: ExitCode.BAD_SPEC,
    Interrupted: ExitCode.FAILED,
}
# Where conditions have a word of their own.
REASONS: Mapping[type[RowmillError], str] = {
    InvalidManifest: "InvalidSpec",
    DestinationUnavailable: "DestinationUnavailable",
    RunReset: RUN_RESET,
}


@dataclass(frozen=True)
class Outcome:
    """`code` is the exit code, `reason` one word for machines.

    `published` is what a finalize came to, `purged` what a purge or a reset did, `verified` what a
    verify found.
    """

    code: ExitCode
    reason: str
    message: str = ""
    published: Published | None = None
    purged: PurgeReport | None = None
    verified: VerifyReport | None = None

    def report(self, rows: int, shard: int | None, used: Used) -> PodReport:
        """What the pod leaves, whose work has so many durable rows."""
        return PodReport(
            code=self.code,
            reason=self.reason,
            message=self.message,
            rows=rows,
            shard=shard,
            used=used,
            published=self.published,
            purged=self.purged,
            verified=self.verified,
        )


def done(
    message: str,
    published: Published | None = None,
    purged: PurgeReport | None = None,
    verified: VerifyReport | None = None,
) -> Outcome:
    """All is durable, removed, or compared."""
    return Outcome(ExitCode.DONE, "Done", message, published, purged, verified)


def stopped() -> Outcome:
    """SIGTERM came first: what is durable stays, and the next pod goes on from there."""
    return Outcome(
        ExitCode.TERMINATED, "Terminated", "told to stop (SIGTERM) before the work was done"
    )


def ended_after(outcome: Outcome) -> Outcome:
    """The end of a pod that was ended when its work came to this, but before it could say so."""
    return replace(outcome, code=ExitCode.TERMINATED, reason="Terminated")


def failed(error: BaseException) -> Outcome:
    """What an error means to the Job."""
    if isinstance(error, MemoryError):
        return Outcome(ExitCode.FAILED, "OutOfMemory", "the worker's memory did not suffice")
    code = by_class(CODES, error)
    if code is None or not isinstance(error, RowmillError):
        return Outcome(ExitCode.FAILED, "WorkerFailed", f"{type(error).__name__}: {error}")
    return Outcome(code, by_class(REASONS, error) or error.reason, in_cluster(str(error)))


def leave(path: Path, report: PodReport) -> None:
    """Write the report where the kubelet looks for it."""
    try:
        path.write_bytes(report.text())
    except OSError as error:
        print(f"no termination message can be left: {error}", flush=True)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets' values."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
