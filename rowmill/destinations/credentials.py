"""Where credentials come from: an env-style file, the environment, or the engine itself.

A source is called at each connect, so that a rotated secret is picked up; its values never appear
in its repr.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from rowmill.destinations.errors import DestinationRefused

POSTGRES_KEYS = (
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGDATABASE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGOPTIONS",
)
S3_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
)


@dataclass(frozen=True)
class KnownCredentials:
    """Values in hand: those of the embedded servers."""

    values: Mapping[str, str] = field(repr=False)

    def __call__(self) -> Mapping[str, str]:
        return self.values


@dataclass(frozen=True)
class FileCredentials:
    """`--secret NAME=FILE`: lines of KEY=VALUE, as a shell or Docker reads them."""

    name: str
    path: Path

    def __call__(self) -> Mapping[str, str]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DestinationRefused(
                "SecretMissing",
                f"secret {self.name!r}: {self.path} cannot be read ({_reason(error)}); "
                f"give a readable file of KEY=VALUE lines: --secret {self.name}=FILE",
            ) from None
        return _parse(text)


@dataclass(frozen=True)
class EnvironmentCredentials:
    """The process's environment: a `secretName` without `--secret`, or `auth: ambient`."""

    keys: tuple[str, ...]

    def __call__(self) -> Mapping[str, str]:
        return {key: os.environ[key] for key in self.keys if key in os.environ}


def _parse(text: str) -> Mapping[str, str]:
    # Without interpolation: a password may hold a dollar sign.
    pairs = dotenv_values(stream=StringIO(text), interpolate=False)
    return {key: value for key, value in pairs.items() if value is not None}


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or "error"
