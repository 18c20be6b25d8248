"""The names and labels of an experiment's children: the same for whoever makes them."""

from __future__ import annotations

from rowmill.spec.cluster_names import (
    APP,
    DIGEST,
    EXPERIMENT,
    FINALIZE,
    MANAGED_BY,
    PURGE,
    RESET,
    ROWMILL,
    RUN,
    TASK,
    VERIFY,
)

# A label's value holds 63 characters: this much of the digest tells any two apart.
DIGEST_DIGITS = 32


def plan_name(experiment: str, number: int) -> str:
    """The ConfigMap that holds the frozen plan of run `number`."""
    return f"{experiment}-run-{number}"


def shard_job_name(experiment: str, number: int) -> str:
    """The Indexed Job of run `number`."""
    return f"{experiment}-run-{number}"


def finalize_job_name(experiment: str, number: int) -> str:
    """The Job that finalizes and publishes run `number`."""
    return f"{experiment}-run-{number}-finalize"


def purge_job_name(experiment: str) -> str:
    """The Job that removes the experiment's data."""
    return f"{experiment}-purge"


def asked_job_name(experiment: str, number: int, task: str) -> str:
    """The Job that resets or verifies run `number`, whichever time it was asked for."""
    return f"{experiment}-run-{number}-{task}"


def job_name(experiment: str, number: int, task: str) -> str:
    """The Job for a task of run `number`."""
    if task == PURGE:
        return purge_job_name(experiment)
    if task in (RESET, VERIFY):
        return asked_job_name(experiment, number, task)
    build = finalize_job_name if task == FINALIZE else shard_job_name
    return build(experiment, number)


def short_digest(digest: str) -> str:
    """What of `sha256:HEX` fits into a label."""
    return digest.removeprefix("sha256:")[:DIGEST_DIGITS]


def labels(experiment: str, number: int, task: str, digest: str) -> dict[str, str]:
    """The labels of a child; pods carry the same."""
    return {
        APP: ROWMILL,
        MANAGED_BY: ROWMILL,
        EXPERIMENT: experiment,
        RUN: str(number),
        TASK: task,
        DIGEST: short_digest(digest),
    }
