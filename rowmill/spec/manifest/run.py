"""The manifest's fields on where rows go and what a worker may use: destinations, resources."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from rowmill.spec.fields import (
    Auth,
    IntOrString,
    JoinedModel,
    Matching,
    Model,
    Name,
    Text,
    problem,
    value_problem,
)
from rowmill.spec.values.quantities import parse_quantity

_ENDPOINT = r"^https?://[^\s/@?#]+/?$"
_LONGEST_ENDPOINT = 1024


def _endpoint(value: str) -> str:
    # Not shown: it may hold what should have been in a Secret.
    if re.fullmatch(_ENDPOINT, value) is None:
        raise problem(
            "is no endpoint; write a URL with neither path nor credentials, "
            "such as http://s3.example:8333"
        )
    return value


# An RFC 1123 subdomain, as Kubernetes names Secrets.
SecretName = Annotated[
    str,
    Field(max_length=253),
    Matching(
        r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        "is no name of a Secret; use lower-case letters, digits, '-' and '.'",
    ),
]
Bucket = Annotated[
    str,
    Field(min_length=3, max_length=63),
    Matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]",
        "is no bucket name; use letters, digits, '-' and '.'",
    ),
]
Endpoint = Annotated[
    str,
    Field(max_length=_LONGEST_ENDPOINT),
    AfterValidator(_endpoint),
    WithJsonSchema({"type": "string", "pattern": _ENDPOINT, "maxLength": _LONGEST_ENDPOINT}),
]


def _quantity(value: int | str) -> int | str:
    try:
        parse_quantity(str(value))
    except ValueError as error:
        raise value_problem(str(error)) from None
    return value


Quantity = Annotated[IntOrString, AfterValidator(_quantity)]


class DestinationSpec(JoinedModel):
    """What every destination has: whose credentials open it, and what may be overwritten."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["secretName", "auth"]}})

    secret_name: SecretName | None = Field(
        None, description="The Secret with the server's address and credentials."
    )
    auth: Auth | None = Field(
        None, description="`ambient`: use the pod's or machine's own cloud identity."
    )
    if_exists: Literal["fail", "replace"] = Field(
        "fail", description="`replace` gives leave to overwrite what is not this experiment's."
    )

    @classmethod
    def together(cls, given: Sequence[str], unknown: Set[str]) -> str | None:
        """That two identities are given."""
        both = {"secretName", "auth"} <= set(given)
        return "has both secretName and auth; keep one of them" if both else None


class ParquetSpec(DestinationSpec):
    """Parquet objects in an S3-compatible bucket."""

    bucket: Bucket = Field(description="The bucket's name.")
    prefix: Text | None = Field(
        None,
        max_length=512,
        description="What the objects' keys begin with; default: the experiment's name and '/'.",
    )
    endpoint: Endpoint | None = Field(
        None, description="The S3 server's URL; default: the engine's, or AWS with a secret."
    )
    region: Text | None = Field(None, description="The S3 region.")
    compression: Literal["zstd", "snappy", "gzip", "lz4", "none"] = Field(
        "zstd", description="How pages are compressed."
    )
    types: Literal["portable", "native"] = Field(
        "portable",
        description="`portable`: what every reader opens, with uuid, time, json and jsonb as "
        "strings. `native`: logical types of Parquet and tighter encodings.",
    )


class PostgresSpec(DestinationSpec):
    """Tables in a Postgres database."""

    schema_: Name | None = Field(
        None, alias="schema", description="The tables' schema; default: the experiment's name."
    )
    constraints: Literal["all", "keys", "none"] = Field(
        "all", description="Which keys, constraints and indexes are made."
    )
    ledger_schema: Name = Field("rowmill", description="The schema of the ledger's tables.")


class DestinationsSpec(JoinedModel):
    """Where the rows go: at least one."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    parquet: ParquetSpec | None = Field(None, description="Parquet objects in a bucket.")
    postgres: PostgresSpec | None = Field(None, description="Tables in Postgres.")

    @classmethod
    def together(cls, given: Sequence[str], unknown: Set[str]) -> str | None:
        """That there is no destination."""
        return None if given or unknown else "names no destination; give parquet, postgres or both"


class ResourceListSpec(Model):
    """Quantities as Kubernetes writes them."""

    cpu: Quantity | None = Field(None, description="For example '1' or 500m.")
    memory: Quantity | None = Field(None, description="For example 512Mi.")
    ephemeral_storage: Quantity | None = Field(
        None, alias="ephemeral-storage", description="For example 1Gi."
    )


class ResourcesSpec(Model):
    """What one worker pod asks for and is limited to."""

    requests: ResourceListSpec | None = Field(None, description="What a pod asks for.")
    limits: ResourceListSpec | None = Field(
        None, description="What a pod may use; the memory also bounds batches on one machine."
    )
