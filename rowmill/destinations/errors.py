"""How a destination fails: refusals that need a person, and trouble that outlasted the retries."""

from __future__ import annotations

import os
from collections.abc import Iterable

from rowmill.errors import Conflict, Failed, Invalid, Refused, Unavailable


class DestinationRefused(Refused):
    """It will not work until somebody changes something: credentials, rights, bucket, owner, table.

    `reason` is one word for machines: CredentialsRefused, PermissionDenied, BucketMissing,
    TargetInUse, TableExists, DependantsInTheWay, LiveRunElsewhere, DiskFull, RowTooLarge ...
    """


class DestinationUnavailable(Unavailable):
    """What passes (lost connections, 503, starting up) did not pass within the retry budget."""

    def __init__(self, message: str) -> None:
        super().__init__("Unavailable", message)


class ClaimLeft(DestinationUnavailable):
    """Unavailable, and a claim on a prefix may be left there."""


class LiveRun(Conflict):
    """Another process holds the experiment `owner`, for a run that is live.

    Args:
        owner: its key.
        who: the process, in words; with `here` it is one of this machine.
        gone: what becomes of that claim if it is dead, or "".
    """

    def __init__(self, owner: str, who: str, *, here: bool, gone: str = "") -> None:
        elsewhere = "" if here else " elsewhere"
        message = f"a run of {owner} is live{elsewhere}, held by {who}"
        super().__init__("LiveRunElsewhere", message + (f"; {gone}" if gone else ""))


def process_here(pid: str, rest: str) -> str:
    """In words a process of this machine, of whose id a text is known, and what is said of it."""
    who = (
        "another thread of this process"
        if pid == str(os.getpid())
        else "another process of this machine"
    )
    return f"{who} (pid {pid}{rest})"


class QueryRefused(Invalid):
    """Postgres would not run a person's query; the message is Postgres's own.

    With `missing` it names a table or schema that is not there.
    """

    def __init__(self, message: str, *, missing: bool = False) -> None:
        self.missing = missing
        super().__init__("QueryRefused", message)


class Fenced(Failed):
    """This worker is stale: the run is no longer in the state in which it may write."""

    def __init__(self, message: str) -> None:
        super().__init__("Fenced", message)


class RunReset(Fenced):
    """The data of the run was removed: no worker makes anything of it again."""


class LateAdditions(Exception):
    """Users put `labels` on the published tables, or took them off, since finalize built there.

    Nothing was published: finalize is to go on.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels = tuple(labels)
        super().__init__(", ".join(self.labels))
