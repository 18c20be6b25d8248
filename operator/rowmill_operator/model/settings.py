"""The operator's settings, as the chart writes them into its environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rowmill.spec.cluster import Defaults, ParquetDefault


@dataclass(frozen=True)
class Settings:
    """How this operator runs workers. Empty `namespaces` means the whole cluster.

    `release` is the installation, whatever `engine` it is given: the chart's NAMESPACE/NAME.
    """

    engine: str
    release: str
    worker_image: str
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    postgres_secret: str | None = None
    parquet: ParquetDefault | None = None
    service_accounts: tuple[str, ...] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    progress_seconds: float = 5
    purge_deadline: float = 600

    @property
    def defaults(self) -> Defaults:
        """What the chart gives destinations that name no server."""
        return Defaults(self.postgres_secret, self.parquet)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        ValueError: one is missing or no value of its kind; the message names it.
    """
    return Settings(
        engine=_required(environ, "ROWMILL_ENGINE_ID"),
        release=_required(environ, "ROWMILL_RELEASE"),
        worker_image=_required(environ, "ROWMILL_WORKER_IMAGE"),
        pull_policy=environ.get("ROWMILL_WORKER_PULL_POLICY") or "IfNotPresent",
        pull_secrets=_names(environ, "ROWMILL_WORKER_PULL_SECRETS"),
        namespaces=_names(environ, "ROWMILL_WATCH_NAMESPACES"),
        postgres_secret=environ.get("ROWMILL_POSTGRES_SECRET") or None,
        parquet=_parquet(environ),
        service_accounts=_names(environ, "ROWMILL_WORKER_SERVICE_ACCOUNTS"),
        resources=_resources(environ),
        progress_seconds=_seconds(environ, "ROWMILL_PROGRESS_SECONDS", 5),
        purge_deadline=_seconds(environ, "ROWMILL_PURGE_DEADLINE", 600),
    )


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise ValueError(f"{name} is not set; the chart sets it")
    return value


def _names(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in environ.get(name, "").split(",") if word.strip())


def _parquet(environ: Mapping[str, str]) -> ParquetDefault | None:
    bucket = environ.get("ROWMILL_PARQUET_BUCKET")
    if not bucket:
        return None
    return ParquetDefault(
        bucket=bucket,
        endpoint=environ.get("ROWMILL_PARQUET_ENDPOINT") or None,
        region=environ.get("ROWMILL_PARQUET_REGION") or None,
        secret_name=environ.get("ROWMILL_PARQUET_SECRET") or None,
    )


def _resources(environ: Mapping[str, str]) -> Mapping[str, Any]:
    text = environ.get("ROWMILL_WORKER_RESOURCES") or "{}"
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"ROWMILL_WORKER_RESOURCES is no JSON object: {text[:100]}")
    return value


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} is no number of seconds above 0: {text[:40]}")
    return value
