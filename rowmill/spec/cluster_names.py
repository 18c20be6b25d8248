"""The names by which a cluster knows an Experiment, what it makes and what is asked of it."""

from __future__ import annotations

GROUP = "rowmill.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "Experiment"
PLURAL = "experiments"

# Labels of all that an Experiment owns, and of its pods.
APP = "app.kubernetes.io/name"
MANAGED_BY = "app.kubernetes.io/managed-by"
ROWMILL = "rowmill"
EXPERIMENT = f"{GROUP}/experiment"
RUN = f"{GROUP}/run"
TASK = f"{GROUP}/task"
DIGEST = f"{GROUP}/digest"
SELECTOR = f"{MANAGED_BY}={ROWMILL}"

# What a TASK may be.
PLAN, SHARD, FINALIZE, PURGE = "plan", "shard", "finalize", "purge"
RESET, VERIFY = "reset", "verify"

# Annotations by which people ask something of the operator.
RERUN = f"{GROUP}/rerun"
ABORT = f"{GROUP}/abort"
ADOPT = f"{GROUP}/adopt"
RESUME = f"{GROUP}/resume"
# Each names a run, `N`, or `N.k` to ask again.
ASK_RESET = f"{GROUP}/reset"
ASK_VERIFY = f"{GROUP}/verify"
SKIP_PURGE = f"{GROUP}/skip-purge"
# As much of what asks to resume as a status keeps.
RESUME_LENGTH = 1024

# What the operator notes for itself: annotations of Jobs and plans, a finalizer of Experiments.
SHAPE = f"{GROUP}/shape"
ASKED_QUEUE = f"{GROUP}/queue"
REQUEST = f"{GROUP}/request"
SEEN = f"{GROUP}/seen"
RELEASE = f"{GROUP}/release"
FINALIZER = f"{GROUP}/purge"

# Names that belong to others.
BATCH = "batch.kubernetes.io/"
INDEX = f"{BATCH}job-completion-index"
KUEUE = "kueue.x-k8s.io/"
QUEUE = f"{KUEUE}queue-name"


def experiment_selector(experiment: str) -> str:
    """The label selector of all that belongs to an Experiment."""
    return f"{SELECTOR},{EXPERIMENT}={experiment}"


def run_selector(experiment: str, number: int) -> str:
    """The label selector of all that belongs to run `number`."""
    return f"{experiment_selector(experiment)},{RUN}={number}"
