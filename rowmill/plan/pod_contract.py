"""What the operator and a worker pod agree on: exit codes, mounts, variables, port and bounds.

The rest of the contract: `bundle.py` is the file by which a pod works, `pod_progress.py` what it
answers while it works, `pod_report.py` what it leaves at its end, `purging.py` the words of a
purge; its only argument is a task, of `spec/cluster_names.py`.

Runs outlive upgrades: a pod's image may be of another release than the operator. So nothing here
changes its meaning, and either side does without what only a later release says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from rowmill.plan.purging import Written
from rowmill.spec.secret_keys import (
    AUTHORITY_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    POSTGRES_KEYS,
    POSTGRES_REQUIRED,
    S3_KEYS,
    S3_REQUIRED,
)

# Worker pods at once, and connections to Postgres of a finalize, unless the manifest says.
DEFAULT_PARALLELISM = 2


class ExitCode(IntEnum):
    """What became of a pod, as its Job acts on it."""

    # Every batch of the pod's work is durable.
    DONE = 0
    # A bad spec, one that this image cannot run, or a run that was reset: final.
    BAD_SPEC = 64
    # A destination refuses: the Job ends, and is made again until somebody mended it.
    REFUSED = 65
    # Anything else: the pod is tried again.
    FAILED = 70
    # SIGTERM. An evicted pod that exits 0 would have its shard counted as complete.
    TERMINATED = 143


# The reason of a pod whose run was reset; what it made is gone.
RUN_RESET = "RunReset"

# After these another pod of the same Job would only end alike.
FAIL_THE_JOB = (ExitCode.BAD_SPEC, ExitCode.REFUSED)

# A worker ends after its batch; one that does not within STOP_SECONDS of SIGTERM is left where it
# is, and the kubelet kills what still runs after GRACE_SECONDS.
STOP_SECONDS = 8.0
GRACE_SECONDS = 20

# What a pod serves, by HTTP.
PORT, PORT_NAME = 8080, "http"
PROGRESS_PATH, METRICS_PATH, HEALTH_PATH = "/progress", "/metrics", "/healthz"

# The volumes of a pod: a destination's is its Secret, and has the manifest's name for it.
RUN, POSTGRES, PARQUET = "run", "postgres", "parquet"
MOUNTS = "/etc/rowmill"
# All that a pod may write to, but for the message that it leaves.
SCRATCH = "/tmp"
TERMINATION_LOG = "/dev/termination-log"

# Kubernetes tells a pod of an Indexed Job its index by this variable.
SHARD_INDEX = "JOB_COMPLETION_INDEX"
_SECRET_NAMES = {POSTGRES: "ROWMILL_POSTGRES_SECRET", PARQUET: "ROWMILL_PARQUET_SECRET"}
_WRITTEN = "ROWMILL_WRITTEN"


def mount_path(volume: str) -> str:
    """Where a volume is mounted, in a pod's own root."""
    return f"{MOUNTS}/{volume}"


@dataclass(frozen=True)
class MountedKeys:
    """The keys of a Secret that are mounted: what else it holds is none of the worker's business.

    Without one of `required` a pod does not start.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]


def _mounted(keys: tuple[str, ...], required: tuple[str, ...], *files: str) -> MountedKeys:
    return MountedKeys(required, (*(key for key in keys if key not in required), *files))


MOUNTED_KEYS: Mapping[str, MountedKeys] = {
    # One machine's user may mean the database of the same name; a cluster's is always named.
    POSTGRES: _mounted(
        POSTGRES_KEYS,
        (*POSTGRES_REQUIRED, "PGDATABASE"),
        *(AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE),
    ),
    PARQUET: _mounted(S3_KEYS, S3_REQUIRED, AUTHORITY_FILE),
}


@dataclass(frozen=True)
class PodEnvironment:
    """What the operator tells a pod by variables; an image that does not know one passes it over.

    `secrets` has the name of the Secret that is mounted for a destination, None for the pod's own
    identity; an earlier operator tells of no destination. `written` is the run whose data a purge
    or a reset must find, None if none is known to have written any.
    """

    secrets: Mapping[str, str | None]
    written: Written | None = None

    def variables(self) -> dict[str, str]:
        """As a container's `env` has them: names, never values of Secrets."""
        texts = {_SECRET_NAMES[name]: secret or "" for name, secret in self.secrets.items()}
        return texts if self.written is None else texts | {_WRITTEN: self.written.to_text()}

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> PodEnvironment:
        """What `variables` wrote, among all else.

        Raises:
            ValueError: the run of a purge has no number.
        """
        secrets = {
            name: environ[variable] or None
            for name, variable in _SECRET_NAMES.items()
            if variable in environ
        }
        return cls(secrets, Written.from_text(environ.get(_WRITTEN, "")))
