"""How a pod's work ended: the exit code that the Job acts on and the message that it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.spec.problems import ImpossibleColumns, InvalidManifest
from rowmill_job.bundle import BundleRefused
from rowmill_job.exits import DONE, FAILED, REFUSED, TERMINATED, UNFIT

# What the kubelet takes of a termination message.
MOST_BYTES = 4096


@dataclass(frozen=True)
class Outcome:
    """`code` is the exit code, `reason` one word for machines; `facts` go into the message."""

    code: int
    reason: str
    message: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def done(message: str, facts: Mapping[str, Any]) -> Outcome:
    """All is durable."""
    return Outcome(DONE, "Done", message, facts)


def stopped() -> Outcome:
    """SIGTERM came first: what is durable stays, and the next pod goes on from there."""
    return Outcome(TERMINATED, "Terminated", "told to stop (SIGTERM) before the work was done")


def ended_after(outcome: Outcome) -> Outcome:
    """The end of a pod that was ended when its work came to this, but before it could say so."""
    return replace(outcome, code=TERMINATED, reason="Terminated")


def failed(error: BaseException) -> Outcome:
    """What an error means to the Job."""
    match error:
        case BundleRefused():
            return Outcome(UNFIT, error.reason, str(error))
        case InvalidManifest():
            return Outcome(UNFIT, "InvalidSpec", str(error))
        case ImpossibleColumns():
            return Outcome(UNFIT, "ImpossibleColumns", str(error))
        case DestinationRefused():
            return Outcome(REFUSED, error.reason, str(error))
        case Fenced():
            return Outcome(FAILED, "Fenced", str(error))
        case DestinationUnavailable():
            return Outcome(FAILED, "DestinationUnavailable", str(error))
        case MemoryError():
            return Outcome(FAILED, "OutOfMemory", "the worker's memory did not suffice")
    return Outcome(FAILED, "WorkerFailed", f"{type(error).__name__}: {error}")


def termination_message(outcome: Outcome, facts: Mapping[str, Any]) -> bytes:
    """JSON of at most MOST_BYTES; `facts` are added. What does not fit is left out or cut."""
    message = outcome.message
    body: dict[str, Any] = {"code": outcome.code, "reason": outcome.reason, "message": message}
    body |= {**facts, **outcome.facts}
    if len(_json(body)) > MOST_BYTES:
        # The longest, and in the plan besides.
        body.pop("tables", None)
    while (excess := len(_json(body)) - MOST_BYTES) > 0:
        # A character may take several bytes: what is left is measured again.
        message = message[: -max(1, excess // _WIDEST)]
        body["message"] = f"{message}..."
    return _json(body)


# A character outside the Basic Multilingual Plane, escaped.
_WIDEST = 12


def leave(path: Path, message: bytes) -> None:
    """Write the termination message where the kubelet looks for it."""
    try:
        path.write_bytes(message)
    except OSError as error:
        print(f"no termination message can be left: {error}", flush=True)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets' values."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
