"""What a cluster adds to a valid manifest: its namespace, the chart's defaults, its own rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rowmill.spec.cluster_names import APP, BATCH, GROUP, KUEUE, MANAGED_BY
from rowmill.spec.dataset import ParquetTarget, PostgresTarget, Spec
from rowmill.spec.doubts import NO_DOUBTS, Doubts
from rowmill.spec.manifest.experiment import Experiment
from rowmill.spec.paths import Path, path_text, shown
from rowmill.spec.problems import Problem
from rowmill.spec.targets import targets_of

_DESTINATIONS: Path = ("spec", "destinations")
_OF_SERVERS = ("secretName", "auth", "endpoint", "bucket")
_POD: Path = ("spec", "podTemplate")

# What the operator, the Job controller and Kueue tell pods apart by. A `/` at the end means every
# label of that domain, subdomains among them.
_RESERVED_LABELS = (
    f"{GROUP}/",
    APP,
    MANAGED_BY,
    BATCH,
    "job-name",
    "controller-uid",
    KUEUE,
)


@dataclass(frozen=True)
class ParquetDefault:
    """The chart's bucket. Without a Secret its pods' own cloud identity opens it."""

    bucket: str
    endpoint: str | None
    region: str | None
    secret_name: str | None


@dataclass(frozen=True)
class Defaults:
    """Where rows go if a manifest names neither endpoint, Secret nor `auth`; None: nowhere.

    A Secret is looked up in the Experiment's own namespace.
    """

    postgres_secret: str | None = None
    parquet: ParquetDefault | None = None

    def to_json(self) -> dict[str, Any]:
        """The form in which a run's bundle carries them."""
        parquet = self.parquet
        return {
            "postgres": None if self.postgres_secret is None else _secret(self.postgres_secret),
            "parquet": None
            if parquet is None
            else {
                "bucket": parquet.bucket,
                "endpoint": parquet.endpoint,
                "region": parquet.region,
                "secretName": parquet.secret_name,
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Defaults:
        """What `to_json` gave."""
        postgres, parquet = value["postgres"], value["parquet"]
        return cls(
            postgres_secret=None if postgres is None else postgres["secretName"],
            parquet=None
            if parquet is None
            else ParquetDefault(
                bucket=parquet["bucket"],
                endpoint=parquet["endpoint"],
                region=parquet["region"],
                secret_name=parquet["secretName"],
            ),
        )


def on_cluster(spec: Spec, namespace: str, defaults: Defaults) -> Spec:
    """The spec in its namespace, the destinations that name no server being the chart's.

    What `cluster_problems` refuses stays `embedded`: no worker can open that. The digest is kept,
    so that a changed default starts no run.
    """
    return replace(
        spec,
        namespace=namespace,
        postgres=_postgres(spec.postgres, defaults.postgres_secret),
        parquet=_parquet(spec.parquet, defaults.parquet),
    )


def cluster_problems(
    experiment: Experiment,
    defaults: Defaults,
    service_accounts: Sequence[str],
    doubts: Doubts = NO_DOUBTS,
) -> list[Problem]:
    """What only a cluster refuses of a manifest, or of the sound parts of one, with its `doubts`.

    `service_accounts` are those that worker pods may run as.
    """
    found = (
        *_destination_problems(experiment, defaults, doubts),
        *_pod_problems(experiment, service_accounts),
    )
    return [Problem(path_text(path), message) for path, message in found]


def is_reserved(label: str) -> bool:
    """Whether a label is one by which Rowmill or Kubernetes tells pods apart."""
    return any(_reserves(reserved, label) for reserved in _RESERVED_LABELS)


def _secret(name: str) -> dict[str, str]:
    return {"secretName": name}


def _postgres(target: PostgresTarget | None, secret: str | None) -> PostgresTarget | None:
    if target is None or not target.embedded:
        return target
    return replace(target, secret_name=secret)


def _parquet(target: ParquetTarget | None, default: ParquetDefault | None) -> ParquetTarget | None:
    if target is None or not target.embedded or default is None or default.bucket != target.bucket:
        return target
    return replace(
        target,
        endpoint=default.endpoint,
        region=target.region or default.region,
        secret_name=default.secret_name,
        ambient=default.secret_name is None,
    )


def _destination_problems(
    experiment: Experiment, defaults: Defaults, doubts: Doubts
) -> Iterator[tuple[Path, str]]:
    parquet, postgres = targets_of(experiment)
    own = parquet is None or parquet.secret_name is not None or parquet.ambient
    if parquet is not None and not own and _server_known("parquet", doubts):
        yield from _parquet_problems(parquet, defaults.parquet)
    lacking = postgres is not None and postgres.embedded and defaults.postgres_secret is None
    if lacking and _server_known("postgres", doubts):
        yield (
            (*_DESTINATIONS, "postgres"),
            "names no server, and this cluster's chart has no default; give secretName, "
            "or have destinations.postgres.secretName set in the chart's values",
        )


def _server_known(name: str, doubts: Doubts) -> bool:
    """Whether it is known which server a destination names, and with whose credentials."""
    return not any(doubts.about((*_DESTINATIONS, name, field)) for field in _OF_SERVERS)


def _parquet_problems(
    target: ParquetTarget, default: ParquetDefault | None
) -> Iterator[tuple[Path, str]]:
    path = (*_DESTINATIONS, "parquet")
    if target.endpoint is not None:
        yield (
            (*path, "endpoint"),
            "needs credentials of its own, for the chart's are the chart's server's; "
            "give secretName or auth: ambient",
        )
    elif default is None:
        yield (
            path,
            "names no server, and this cluster's chart has no default; give secretName or "
            "auth: ambient, or have destinations.parquet set in the chart's values",
        )
    elif target.bucket != default.bucket:
        yield (
            (*path, "bucket"),
            f"{shown(target.bucket)} is not the chart's bucket, which alone may be opened with "
            f"the chart's credentials; give secretName or auth: ambient, "
            f"or write {shown(default.bucket)}",
        )


def _pod_problems(
    experiment: Experiment, service_accounts: Sequence[str]
) -> Iterator[tuple[Path, str]]:
    pod = experiment.spec.pod_template
    if pod is None:
        return
    for label in pod.labels or {}:
        if is_reserved(label):
            yield (
                (*_POD, "labels", label),
                "is a label by which Rowmill or Kubernetes tells pods apart; "
                "leave it out, or choose a prefix of your own",
            )
    account = pod.service_account_name
    if account is not None and account not in service_accounts:
        allowed = ", ".join(service_accounts) if service_accounts else "none"
        yield (
            (*_POD, "serviceAccountName"),
            f"{shown(account)} is not a service account that the chart allows ({allowed}); leave "
            "it out, or have it added to worker.allowedServiceAccounts in the chart's values",
        )


def _reserves(reserved: str, label: str) -> bool:
    if not reserved.endswith("/"):
        return label == reserved
    return label.startswith(reserved) or f".{reserved}" in label
