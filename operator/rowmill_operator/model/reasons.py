"""The reasons that conditions and Events of an Experiment give, one word a cause."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Words of the conditions' `reason`; docs/kubernetes.md tells each one's cure.

    A worker's own reasons (CredentialsRefused, TargetInUse ...) are passed on as they are.
    """

    # Accepted
    VALID = "Valid"
    INVALID_SPEC = "InvalidSpec"
    TOO_LARGE = "TooLarge"
    # On its way
    STARTING = "Starting"
    REPLACING = "Replacing"
    RUNNING = "Running"
    PROGRESS_UNREACHABLE = "ProgressUnreachable"
    FINALIZING = "Finalizing"
    SUSPENDING = "Suspending"
    SUSPENDED = "Suspended"
    QUEUED = "Queued"
    # Waiting for somebody to mend something
    LEFT_BEHIND = "LeftBehind"
    LEFT_TO_ANOTHER = "LeftToAnother"
    QUOTA_EXCEEDED = "QuotaExceeded"
    PODS_REFUSED = "PodsRefused"
    POD_SECURITY = "PodSecurityRefused"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    SECRET_MISSING = "SecretMissing"
    MOUNT_FAILED = "MountFailed"
    CONTAINER_FAILED = "ContainerFailed"
    NODE_LOST = "NodeLost"
    OOM_KILLED = "OOMKilled"
    RETRYING = "Retrying"
    # The end
    COMPLETE = "Complete"
    REPEAT = "AlreadyComplete"
    FAILED = "RunFailed"
    ABORTED = "Aborted"
    # Data removed as was asked
    RESETTING = "Resetting"
    PLAN_LOST = "PlanLost"
    RESET = "Reset"
    RESET_PARTLY = "ResetPartly"
    NOT_RESET = "NotReset"
    # Of published data
    NOT_VERIFIED = "NotVerified"
    VERIFYING = "Verifying"
    IDENTICAL = "Identical"
    DIFFERS = "Differs"
    MAKING_WAY = "MakingWay"
    VERIFY_UNHEARD = "VerifyUnheard"
    # Removal
    PURGED = "Purged"
    PURGED_PARTLY = "PurgedPartly"
    NOTHING_TO_PURGE = "NothingToPurge"
    PURGE_UNHEARD = "PurgeUnheard"
    PURGE_GIVEN_UP = "PurgeGivenUp"
