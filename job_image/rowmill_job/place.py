"""Where a pod finds what it is given: bundle, Secrets, its shard's number, its port."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rowmill.destinations.credentials import (
    DirectoryCredentials,
    EnvironmentCredentials,
)
from rowmill.destinations.errors import DestinationRefused
from rowmill.plan.bundle import FILE
from rowmill.plan.pod_contract import (
    PARQUET,
    PORT,
    POSTGRES,
    RUN,
    SHARD_INDEX,
    TERMINATION_LOG,
    PodEnvironment,
    mount_path,
)
from rowmill.plan.purging import Written
from rowmill.spec.dataset import ParquetTarget, PostgresTarget, Spec
from rowmill.spec.secret_keys import (
    AUTHORITY_FILE,
    HIDDEN_KEYS,
    POSTGRES_KEYS,
    POSTGRES_REQUIRED,
    S3_KEYS,
    S3_REQUIRED,
)
from rowmill.worker.destinations import Connections, Credentials

# Refused credentials are tried for this long: the kubelet brings a rotated Secret within a minute
# or two.
LOGIN_SECONDS = 120.0


@dataclass(frozen=True)
class Place:
    """The pod's surroundings; every field has the environment variable that tests set.

    `root` (ROWMILL_JOB_ROOT) stands for `/`; `shard` is None outside an Indexed Job;
    `environment` is what the operator says of the Secrets that it has mounted and of the data that
    a removal must find.
    """

    root: Path
    port: int
    termination_log: Path
    shard: int | None
    login_seconds: float
    environment: PodEnvironment

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> Place:
        """This process's surroundings."""
        index = environ.get(SHARD_INDEX)
        return cls(
            root=Path(environ.get("ROWMILL_JOB_ROOT", "/")),
            port=int(environ.get("ROWMILL_JOB_PORT", PORT)),
            termination_log=Path(environ.get("ROWMILL_TERMINATION_LOG", TERMINATION_LOG)),
            shard=int(index) if index else None,
            login_seconds=float(environ.get("ROWMILL_LOGIN_SECONDS", LOGIN_SECONDS)),
            environment=PodEnvironment.read(environ),
        )

    @property
    def bundle(self) -> Path:
        return self._mounted(RUN) / FILE

    @property
    def postgres(self) -> Path:
        return self._mounted(POSTGRES)

    @property
    def parquet(self) -> Path:
        return self._mounted(PARQUET)

    @property
    def written(self) -> Written | None:
        """The run whose data a purge or a reset must not fail to find."""
        return self.environment.written

    def _mounted(self, volume: str) -> Path:
        return self.root / mount_path(volume).removeprefix("/")

    def as_given(self, spec: Spec) -> Spec:
        """The spec with the credentials that the pod was given.

        A Secret that the manifest has come to name since the run was planned is among them.
        """
        given = self.environment.secrets
        if spec.postgres is not None and POSTGRES in given:
            name = given[POSTGRES]
            target = replace(spec.postgres, secret_name=name, ambient=name is None)
            spec = replace(spec, postgres=target)
        if spec.parquet is not None and PARQUET in given:
            name = given[PARQUET]
            bucket = replace(spec.parquet, secret_name=name, ambient=name is None)
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
                POSTGRES, spec.postgres, self.postgres, POSTGRES_KEYS, POSTGRES_REQUIRED
            ),
            s3=_credentials(
                PARQUET,
                spec.parquet,
                self.parquet,
                S3_KEYS,
                S3_REQUIRED,
            ),
        )

    def secrets(self) -> Iterable[str]:
        """The values that are mounted at this moment and must appear nowhere."""
        for folder in (self.postgres, self.parquet):
            for key in HIDDEN_KEYS:
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
