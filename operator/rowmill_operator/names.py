"""The names, labels and annotations by which the operator finds what is an experiment's."""

from __future__ import annotations

GROUP = "rowmill.dev"
VERSION = "v1alpha1"
PLURAL = "experiments"
KIND = "Experiment"

MANAGED_BY = "app.kubernetes.io/managed-by"
APP = "app.kubernetes.io/name"
ROWMILL = "rowmill"
EXPERIMENT = "rowmill.dev/experiment"
RUN = "rowmill.dev/run"
TASK = "rowmill.dev/task"
DIGEST = "rowmill.dev/digest"
SHAPE = "rowmill.dev/shape"
SELECTOR = f"{MANAGED_BY}={ROWMILL}"

QUEUE = "kueue.x-k8s.io/queue-name"
INDEX = "batch.kubernetes.io/job-completion-index"

RERUN = "rowmill.dev/rerun"
ABORT = "rowmill.dev/abort"
ADOPT = "rowmill.dev/adopt"
RESUME = "rowmill.dev/resume"
SKIP_PURGE = "rowmill.dev/skip-purge"
FINALIZER = "rowmill.dev/purge"

PLAN, SHARD, FINALIZE, PURGE = "plan", "shard", "finalize", "purge"
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
