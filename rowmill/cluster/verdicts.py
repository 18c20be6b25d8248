"""What the status of an Experiment tells of its verifications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.cluster.custom_resource import CustomResource
from rowmill.engine.json_records import time_from_json
from rowmill.engine.records import RunRecord, State
from rowmill.engine.verdict import INVALID_SPEC, SUSPENDED, Verdict, verdict_of
from rowmill.engine.verification import Verification
from rowmill.errors import Failed

# Reasons of the condition Verified for which a verification waits until somebody does something.
_NOT_BEGUN = frozenset({SUSPENDED, INVALID_SPEC})
# Reasons of the condition Verified for which no Job is made.
_NO_JOB = ("NotVerified", "InvalidSpec")


def verdict_on(resource: CustomResource, run: RunRecord) -> Verdict | None:
    """What is known of the data of `run`; None if it has none, or nobody asked."""
    if run.state is not State.COMPLETED:
        return None
    after_run = resource.spec.get("verify") == "AfterRun"
    found = resource.verification
    if found is not None and found.get("run") == run.number:
        if found.get("identical") is not None:
            return verdict_of(verification_of(found, run))
        reason, message = str(found.get("reason") or ""), str(found.get("message") or "")
        return Verdict(reason=reason, message=message) if after_run else None
    if not after_run or run.number != resource.number:
        return None
    return _awaited_verdict(resource)


def verified_message(resource: CustomResource) -> str:
    """What is known of a verify, for people."""
    return str(resource.conditions.get("Verified", {}).get("message") or "waiting")


def unverifiable(resource: CustomResource, number: int) -> str | None:
    """Why a verify of run `number` that is asked for will not be done, None if nothing says so.

    Without its plan nobody knows its rows.
    """
    condition = resource.conditions.get("Verified", {})
    message = str(condition.get("message") or "")
    lost = message.startswith(f"the ConfigMap of run {number} is gone")
    return message if lost and condition.get("reason") in _NO_JOB else None


def verification_of(found: Mapping[str, Any], run: RunRecord) -> Verification:
    """What a status tells of the verification of `run`.

    Raises:
        Failed: it came to nothing.
    """
    if found.get("identical") is None:
        raise Failed(str(found.get("reason") or "VerifyUnheard"), str(found.get("message") or ""))
    return Verification(
        run=int(found["run"]),
        run_id=run.id,
        digest=run.digest,
        data_version=run.data_version,
        finished_at=time_from_json(str(found.get("finishedAt"))),
        identical=found["identical"],
        rows=found.get("rows") or 0,
        checksum=found.get("checksum"),
        differences=found.get("differences") or 0,
        where=found.get("where") or "",
    )


def _awaited_verdict(resource: CustomResource) -> Verdict | None:
    """What the condition tells of a verification that has not ended.

    None where an operator wrote none, which is then not waited for.
    """
    condition = resource.conditions.get("Verified")
    if condition is None:
        return None
    reason = str(condition.get("reason") or "")
    return Verdict(
        awaited=reason not in _NOT_BEGUN, reason=reason, message=str(condition.get("message"))
    )
