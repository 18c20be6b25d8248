"""The typed manifest: an `Experiment` as its author wrote it, before rules and scaling."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from rowmill.spec.cluster_names import API_VERSION, KIND
from rowmill.spec.fields import (
    Int64,
    Matching,
    Model,
    Name,
    Names,
    NotNegative,
    Positive,
    Share,
    Text,
    Type,
)
from rowmill.spec.manifest.generators import Count, GenerateSpec, PickSpec
from rowmill.spec.manifest.pods import PodTemplateSpec
from rowmill.spec.manifest.run import DestinationsSpec, ResourcesSpec
from rowmill.spec.run_bounds import BATCH_ROWS

# Room for "-run-N-finalize" and a Job's index within the 63 characters of a pod's host name.
ExperimentName = Annotated[
    str,
    Field(max_length=38),
    Matching(
        r"[a-z]([-a-z0-9]*[a-z0-9])?",
        "is no name for an experiment; use lower-case letters, digits and '-', "
        "a letter first, no '-' last",
    ),
]


class TargetSpec(Model):
    """The column that a reference leads to."""

    table: Name = Field(description="The parent table.")
    column: Name = Field(description="Its primary key or a unique column.")
    pick: PickSpec | None = Field(None, description="How a parent is chosen; default: uniform.")


class KeyTargetSpec(Model):
    """The columns that a foreign key leads to."""

    table: Name = Field(description="The parent table.")
    columns: Names = Field(description="Its primary key or a unique key.")


class ForeignKeySpec(Model):
    """A reference of several columns."""

    columns: Names = Field(description="Columns of this table.")
    references: KeyTargetSpec = Field(description="What they reference, in the same order.")
    pick: PickSpec | None = Field(None, description="How a parent is chosen; default: uniform.")


class RowsPerSpec(Model):
    """Children for each row of a parent table, in place of `rows`."""

    table: Name = Field(description="The parent table.")
    mean: NotNegative = Field(description="Children a parent on average, exactly.")
    min: Count = Field(0, description="The fewest children of a parent.")
    max: Count = Field(description="The most children of a parent.")
    via: Text | None = Field(
        None,
        description="The reference column, or a foreign key's columns joined by commas; "
        "default: the only reference to that table.",
    )


class ColumnSpec(Model):
    """One column."""

    name: Name = Field(description="The column's name: any text of 1 to 63 bytes.")
    type: Type = Field(description="The SQL type, for example bigint, numeric(10,2) or text[].")
    unique: bool = Field(False, description="No value occurs twice in the table.")
    nulls: Share = Field(Decimal(0), description="The share of cells that are null.")
    references: TargetSpec | None = Field(None, description="The parent's column it refers to.")
    generate: GenerateSpec | None = Field(
        None, description="How its cells are made; default: by the column's name, else its type."
    )


class TableSpec(Model):
    """One table: its columns and how many rows."""

    name: Name = Field(description="The table's name: any text of 1 to 63 bytes.")
    rows: Count | None = Field(None, description="How many rows, before `scale`.")
    rows_per: RowsPerSpec | None = Field(None, description="Children per parent, not `rows`.")
    scales: bool = Field(True, description="Whether `scale` multiplies the rows.")
    primary_key: Names | None = Field(None, description="The columns of the primary key.")
    unique: tuple[Names, ...] = Field(
        (), strict=False, description="Further unique keys, each a list of columns."
    )
    indexes: tuple[Names, ...] = Field(
        (), strict=False, description="Indexes, each a list of columns."
    )
    foreign_keys: tuple[ForeignKeySpec, ...] = Field(
        (), strict=False, description="References of several columns."
    )
    columns: tuple[ColumnSpec, ...] = Field(
        strict=False, min_length=1, max_length=1600, description="The columns, in order."
    )


class ExperimentSpec(Model):
    """What an experiment makes, where it goes and how it runs."""

    seed: Int64 = Field(0, description="Another seed, other rows.")
    scale: Positive = Field(
        Decimal(1), description="Multiplies `rows` of every table without `scales: false`."
    )
    locale: Text = Field("en_US", description="The locale of Faker's providers.")
    parallelism: int | None = Field(
        None, ge=1, le=100_000, description="Pods, or processes on one machine."
    )
    batch_rows: int | None = Field(
        None,
        ge=BATCH_ROWS.least,
        le=BATCH_ROWS.most,
        description="Rows in a batch; default: by row width and memory.",
    )
    suspend: bool = Field(False, description="Keep the run from starting, or pause it.")
    rerun: str = Field(
        "", max_length=1024, description="Any text; a change to it starts a new run."
    )
    # As a Job's own field of this name; a moment that is further away has no date.
    ttl_seconds_after_finished: int | None = Field(
        None, ge=0, le=2**31 - 1, description="When a finished run's Jobs and pods are removed."
    )
    deletion_policy: Literal["Retain", "Purge"] = Field(
        "Retain", description="Purge: delete the data with the Experiment."
    )
    run_history_limit: int = Field(
        10,
        ge=0,
        le=1_000,
        description="Ended runs of which the records are kept, beside the published one.",
    )
    verify: Literal["Never", "AfterRun"] = Field(
        "Never", description="AfterRun: compare what each run publishes with its rows made again."
    )
    tables: tuple[TableSpec, ...] = Field(
        strict=False, min_length=1, max_length=10_000, description="The tables."
    )
    destinations: DestinationsSpec = Field(description="Where the rows go: at least one.")
    resources: ResourcesSpec | None = Field(None, description="Of one worker pod.")
    pod_template: PodTemplateSpec | None = Field(None, description="Further pod settings.")
    retries_per_shard: int = Field(
        6, ge=0, le=1_000, description="How often a shard is tried again before the run fails."
    )
    data_version: int | None = Field(
        None,
        ge=1,
        description=(
            "Pins what the rows are made by: kinds, inferred generators, providers, pools and "
            "widths; default: the last run's, else 1."
        ),
    )


# Kubernetes takes null for absent in metadata.
NullableText = Annotated[str | None, WithJsonSchema({"type": ["string", "null"]})]
Labels = Annotated[
    dict[str, str] | None,
    WithJsonSchema({"type": ["object", "null"], "additionalProperties": {"type": "string"}}),
]


class Metadata(Model):
    """The experiment's identity; what the API server adds is accepted and not read."""

    name: ExperimentName = Field(description="The experiment's name.")
    namespace: NullableText = Field(None, description="The namespace on a cluster.")
    labels: Labels = Field(None, description="Labels on a cluster.")
    annotations: Labels = Field(None, description="Annotations on a cluster.")
    creation_timestamp: Any = Field(None, description="Set by the API server.")
    finalizers: Any = Field(None, description="Set by the API server.")
    generation: Any = Field(None, description="Set by the API server.")
    managed_fields: Any = Field(None, description="Set by the API server.")
    owner_references: Any = Field(None, description="Set by the API server.")
    resource_version: Any = Field(None, description="Set by the API server.")
    self_link: Any = Field(None, description="Set by the API server.")
    uid: Any = Field(None, description="Set by the API server.")


class Experiment(Model):
    """A whole manifest."""

    api_version: Literal["rowmill.dev/v1alpha1"] = Field(description=f"`{API_VERSION}`.")
    kind: Literal["Experiment"] = Field(description=f"`{KIND}`.")
    metadata: Metadata = Field(description="The experiment's identity.")
    spec: ExperimentSpec = Field(description="What it makes, where it goes and how it runs.")
    status: Any = Field(None, description="Written by the operator; not read.")
