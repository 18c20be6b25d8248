"""Runs that something stands in the way of: how each is brought about, and how it is mended."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import (
    POSTGRES_SECRET,
    RELEASE,
    RELEASE_NAMESPACE,
    S3_SECRET,
    Installation,
)

Sign = Callable[[Applied], datetime | None]
Homes = Callable[[], str]

ROWS = 50_000
_GONE = "not-there"


@dataclass
class Stuck:
    """A run that waits for `reason`, with a message that `names` what `mend` mends.

    `sign` finds when the first sign of it was to be seen. What `look` saw of it: `reported`, all
    its conditions; `signed`, that first sign; `reasons`, each after the other; and when it
    `went_on` after it was `mended`.
    """

    applied: Applied
    reason: str
    names: str
    sign: Sign
    mend: Callable[[], object]
    reported: dict[str, dict[str, Any]] = field(default_factory=dict)
    signed: datetime | None = None
    reasons: list[str] = field(default_factory=list)
    mended: datetime | None = None
    went_on: datetime | None = None

    def look(self, status: Mapping[str, Any]) -> None:
        """Take in a status."""
        conditions = {one["type"]: one for one in status.get("conditions", ())}
        stalled = conditions.get("Stalled", {"status": "False"})
        if stalled["status"] != "True":
            if self.mended is not None and self.went_on is None:
                self.went_on = datetime.fromisoformat(stalled["lastTransitionTime"])
        elif self.mended is None:
            self.reported = conditions
            self.signed = self.signed or self.sign(self.applied)
            if self.reasons[-1:] != [stalled["reason"]]:
                self.reasons.append(stalled["reason"])


def begin(cluster: Cluster, installed: Installation, homes: Homes) -> dict[str, Stuck]:
    """Runs that nothing but themselves and their namespaces is needed for; `homes` makes those."""
    return {name: one(cluster, installed, homes()) for name, one in _BEGIN.items()}


def begin_among_others(installed: Installation, home: str, owner: Applied) -> dict[str, Stuck]:
    """A run into what is another's, who has begun before."""
    spec = wide(ROWS, destinations={"postgres": {"schema": owner.name}})
    found = Applied.of(installed, home, spec)
    key = f"{RELEASE_NAMESPACE}/{RELEASE}/{owner.namespace}/{owner.name}"
    stuck = Stuck(
        found,
        reason="TargetInUse",
        names=key,
        sign=_ended(),
        mend=lambda: found.annotate(adopt=key),
    )
    return {"target of another": stuck}


def begin_without_image(
    cluster: Cluster, node: Node, installed: Installation, homes: Homes
) -> dict[str, Stuck]:
    """Runs that are planned while the release names an image that is nowhere."""
    repository, _, _ = installed.images.worker.rpartition(":")
    with installed.upgraded("--set", f"worker.image.tag={_GONE}"):
        come = Applied.of(installed, homes(), wide(ROWS))
        corrected = Applied.of(installed, homes(), wide(ROWS))
        for each in (come, corrected):
            wait_for(partial(_is_planned, each), 180, "its plan")

    def load() -> None:
        node.tag(installed.images.worker, f"{repository}:{_GONE}")

    reported = ("ImagePullFailed", _GONE, _event("Failed"))
    return {
        "unknown image, loaded": Stuck(come, *reported, mend=load),
        "unknown image, corrected": Stuck(
            corrected, *reported, mend=lambda: corrected.annotate(rerun="corrected")
        ),
    }


def _is_planned(applied: Applied) -> bool:
    return bool(applied.children("configmaps"))


def _missing_secret(cluster: Cluster, installed: Installation, home: str) -> Stuck:
    return Stuck(
        Applied.of(installed, home, _into_postgres_of("mine")),
        reason="SecretMissing",
        names="mine",
        sign=_event("FailedMount"),
        mend=lambda: give(cluster, home, "mine", secret(cluster, home, POSTGRES_SECRET)),
    )


def _wrong_password(cluster: Cluster, installed: Installation, home: str) -> Stuck:
    right = secret(cluster, home, POSTGRES_SECRET)
    give(cluster, home, "mine", right | {"PGPASSWORD": "not-this-one"})
    return Stuck(
        Applied.of(installed, home, _into_postgres_of("mine")),
        reason="CredentialsRefused",
        names="password authentication failed",
        sign=_logged("password authentication failed"),
        mend=lambda: give(cluster, home, "mine", right),
    )


def _missing_bucket(cluster: Cluster, installed: Installation, home: str) -> Stuck:
    bucket = f"later-{home}"

    def make() -> None:
        with installed.s3() as client:
            client.create_bucket(Bucket=bucket)

    parquet = {"bucket": bucket, "secretName": S3_SECRET}
    return Stuck(
        Applied.of(installed, home, wide(ROWS, destinations={"parquet": parquet})),
        reason="BucketMissing",
        names=bucket,
        sign=_ended(),
        mend=make,
    )


def _quota(cluster: Cluster, installed: Installation, home: str) -> Stuck:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    cluster.apply(quota, namespace=home)
    return Stuck(
        Applied.of(installed, home, wide(ROWS)),
        reason="QuotaExceeded",
        names="none",
        sign=_event("FailedCreate"),
        mend=lambda: _delete(cluster, "resourcequota", "none", home),
    )


def _little_memory(cluster: Cluster, installed: Installation, home: str) -> Stuck:
    little = {"limits": {"memory": "60Mi"}, "requests": {"memory": "60Mi"}}
    enough = {"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}}
    found = Applied.of(installed, home, wide(ROWS, resources=little))
    return Stuck(
        found,
        reason="OOMKilled",
        names="resources.limits.memory",
        # It is called so when it has happened twice.
        sign=_ended(2),
        mend=lambda: found.patch(resources=enough),
    )


_BEGIN: dict[str, Callable[[Cluster, Installation, str], Stuck]] = {
    "missing Secret": _missing_secret,
    "wrong password": _wrong_password,
    "missing bucket": _missing_bucket,
    "quota": _quota,
    "little memory": _little_memory,
}


def secret(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    """What a Secret holds."""
    data = cluster.get("secret", name, namespace)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def give(cluster: Cluster, namespace: str, name: str, values: Mapping[str, str]) -> None:
    """Make or change a Secret."""
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": dict(values),
        },
        namespace=namespace,
    )


def _into_postgres_of(name: str) -> dict[str, Any]:
    return wide(ROWS, destinations={"postgres": {"secretName": name}})


def _delete(cluster: Cluster, kind: str, name: str, namespace: str) -> None:
    cluster.kubectl("delete", kind, name, "--namespace", namespace)


def _event(reason: str) -> Sign:
    """When the first Event of a reason came."""

    def first(applied: Applied) -> datetime | None:
        events = applied.cluster.find_all("events", applied.namespace)
        times = [one["firstTimestamp"] for one in events if one["reason"] == reason]
        return _earliest(times)

    return first


def _ended(times: int = 1) -> Sign:
    """When a container ended for the first time, or so many."""

    def ended(applied: Applied) -> datetime | None:
        states = [one["state"] for pod in applied.pods() for one in _containers(pod)]
        ends = [state["terminated"] for state in states if "terminated" in state]
        found = sorted(_moment(end["finishedAt"]) for end in ends)
        return found[times - 1] if len(found) >= times else None

    return ended


def _logged(words: str) -> Sign:
    """When a container first said something."""

    def first(applied: Applied) -> datetime | None:
        times = []
        for pod in applied.pods(running=True):
            name = pod["metadata"]["name"]
            options = ("--timestamps", "--namespace", applied.namespace)
            lines = applied.cluster.kubectl("logs", name, *options).splitlines()
            times += [line.split()[0] for line in lines if words in line]
        return _earliest(times)

    return first


def _earliest(times: Iterable[str]) -> datetime | None:
    return min(map(_moment, times), default=None)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(_NANOSECONDS.sub("", text))


# A line of a log has them, and Python cannot read them.
_NANOSECONDS = re.compile(r"(?<=\.\d{6})\d+")


def _containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod["status"].get("containerStatuses", [])
    return found


def statuses(cluster: Cluster) -> dict[tuple[str, str], dict[str, Any]]:
    """The status of every Experiment, by namespace and name."""
    found = json.loads(cluster.kubectl("get", "experiments", "--all-namespaces", "-o", "json"))
    return {
        (one["metadata"]["namespace"], one["metadata"]["name"]): one.get("status") or {}
        for one in found["items"]
    }
