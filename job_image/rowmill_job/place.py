"""Where a pod finds what it is given: bundle, Secrets, its shard's number, its port."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rowmill.destinations.credentials import (
    AUTHORITY_FILE,
    POSTGRES_KEYS,
    POSTGRES_REQUIRED,
    S3_KEYS,
    S3_REQUIRED,
    DirectoryCredentials,
    EnvironmentCredentials,
)
from rowmill.destinations.errors import DestinationRefused
from rowmill.plan.bundle import FILE
from rowmill.plan.purging import WRITTEN, Written
from rowmill.spec.cluster_names import PARQUET_SECRET, POSTGRES_SECRET
from rowmill.spec.dataset import ParquetTarget, PostgresTarget, Spec
from rowmill.worker.destinations import Connections, Credentials

# Refused credentials are tried for this long: the kubelet brings a rotated Secret within a minute
# or two.
LOGIN_SECONDS = 120.0
_FOLDER = "etc/rowmill"
_TOLD_BY = (POSTGRES_SECRET, PARQUET_SECRET)
_SECRET_KEYS = ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


@dataclass(frozen=True)
class Place:
    """The pod's surroundings; every field has the environment variable that tests set.

    `root` (ROWMILL_JOB_ROOT) stands for `/`; `shard` is None outside an Indexed Job, `written` is
    what the operator knows to have been written, for a purge. `told` is what the operator says of
    the Secrets that it has mounted; an earlier one says nothing.
    """

    root: Path
    port: int
    termination_log: Path
    shard: int | None
    login_seconds: float
    written: Written | None
    told: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> Place:
        """This process's surroundings."""
        index = environ.get("JOB_COMPLETION_INDEX")
        return cls(
            root=Path(environ.get("ROWMILL_JOB_ROOT", "/")),
            port=int(environ.get("ROWMILL_JOB_PORT", "8080")),
            termination_log=Path(environ.get("ROWMILL_TERMINATION_LOG", "/dev/termination-log")),
            shard=int(index) if index else None,
            login_seconds=float(environ.get("ROWMILL_LOGIN_SECONDS", LOGIN_SECONDS)),
            written=Written.from_text(environ.get(WRITTEN, "")),
            told={name: environ[name] for name in _TOLD_BY if name in environ},
        )

    @property
    def bundle(self) -> Path:
        return self.root / _FOLDER / "run" / FILE

    @property
    def postgres(self) -> Path:
        return self.root / _FOLDER / "postgres"

    @property
    def parquet(self) -> Path:
        return self.root / _FOLDER / "parquet"

    def as_given(self, spec: Spec) -> Spec:
        """The spec with the credentials that the pod was given.

        A Secret that the manifest has come to name since the run was planned is among them.
        """
        postgres, parquet = (self.told.get(name) for name in _TOLD_BY)
        if spec.postgres is not None and postgres is not None:
            target = replace(spec.postgres, secret_name=postgres or None, ambient=not postgres)
            spec = replace(spec, postgres=target)
        if spec.parquet is not None and parquet is not None:
            bucket = replace(spec.parquet, secret_name=parquet or None, ambient=not parquet)
            spec = replace(spec, parquet=bucket)
        return spec

    def connections(self, spec: Spec, engine: str) -> Connections:
        """How to reach what `spec` names, by the mounted Secrets or the pod's own identity.

        Raises:
            DestinationRefused: SecretMissing, a destination names no server at all.
        """
        authority = self.parquet / AUTHORITY_FILE
        if authority.is_file():
            os.environ.setdefault("AWS_CA_BUNDLE", str(authority))
        return Connections(
            engine=engine,
            postgres=_credentials(
                "postgres", spec.postgres, self.postgres, POSTGRES_KEYS, POSTGRES_REQUIRED
            ),
            s3=_credentials(
                "parquet",
                spec.parquet,
                self.parquet,
                S3_KEYS,
                S3_REQUIRED,
            ),
        )

    def secrets(self) -> Iterable[str]:
        """The values that are mounted at this moment and must appear nowhere."""
        for folder in (self.postgres, self.parquet):
            for key in _SECRET_KEYS:
                try:
                    value = (folder / key).read_text(encoding="utf-8").rstrip("\r\n")
                except (OSError, UnicodeDecodeError):
                    continue
                if value:
                    yield value


def _credentials(
    destination: str,
    target: PostgresTarget | ParquetTarget | None,
    folder: Path,
    keys: tuple[str, ...],
    required: tuple[str, ...],
) -> Credentials | None:
    if target is None:
        return None
    if target.ambient:
        return EnvironmentCredentials(keys)
    if target.secret_name is None:
        raise DestinationRefused(
            "SecretMissing",
            f"spec.destinations.{destination} names no Secret, and the chart has no default for it",
        )
    return DirectoryCredentials(target.secret_name, folder, keys, required)
