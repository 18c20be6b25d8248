"""The status of an Experiment, as the operator writes it: bounded, whatever the number of rows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from rowmill.spec.manifest_fields import Int64, Model

MAX_TABLES = 200
MAX_HISTORY = 1_000

Phase = Literal["Pending", "Running", "Finalizing", "Complete", "Failed", "Suspended"]
Outcome = Literal["Complete", "Failed", "Aborted"]
Total = Annotated[Int64, Field(ge=0)]
Figure = Annotated[float, Field(ge=0)]
Short = Annotated[str, Field(max_length=253)]
Long = Annotated[str, Field(max_length=32_768)]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class ConditionStatus(Model):
    """One thing that is so, is not, or is not known."""

    type: Annotated[str, Field(max_length=316)] = Field(
        description="Accepted, Progressing, Complete, Failed, Suspended, Stalled or Reconciling."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it is so.")
    reason: Annotated[str, Field(max_length=1024)] = Field(
        "", description="Why, in one word for programs."
    )
    message: Long = Field("", description="Why, in a sentence for people.")
    observed_generation: Int64 | None = Field(
        None, description="The generation of the spec that it was judged by."
    )
    last_transition_time: Time | None = Field(None, description="When `status` last changed.")


class RefusalStatus(Model):
    """What a destination said; the run is tried again every minute."""

    reason: Annotated[str, Field(max_length=1024)] = Field(
        description="Why, in one word for programs."
    )
    message: Long = Field("", description="Why, in a sentence for people.")


class ReplacedStatus(Model):
    """The run whose data readers see until a newer one is published."""

    run: Total = Field(description="Its number.")
    rows: Total = Field(description="Its rows.")


class PostgresDefaultStatus(Model):
    """The chart's Postgres."""

    secret_name: Short | None = Field(None, description="Its Secret.")


class ParquetDefaultStatus(Model):
    """The chart's bucket."""

    bucket: Short | None = Field(None, description="Its name.")
    endpoint: Annotated[str, Field(max_length=2048)] | None = Field(
        None, description="The URL of its server."
    )
    region: Short | None = Field(None, description="Its region.")
    secret_name: Short | None = Field(None, description="Its Secret.")


class DefaultsStatus(Model):
    """What the chart gave destinations that name no server when the run was planned."""

    postgres: PostgresDefaultStatus | None = Field(None, description="For Postgres.")
    parquet: ParquetDefaultStatus | None = Field(None, description="For Parquet.")


class OperatorStatus(Model):
    """The operator that keeps the Experiment; others leave it alone."""

    engine: Short = Field(description="The engineId that owns, or is to own, its data.")
    release: Short | None = Field(None, description="NAMESPACE/NAME of the chart's release.")


class RunStatus(Model):
    """The newest run."""

    number: Total | None = Field(None, description="1 for the first run, and so on.")
    id: Short | None = Field(None, description="The run's id in the ledger.")
    digest: Short | None = Field(None, description="The digest of the spec that it makes.")
    data_version: Total | None = Field(None, description="The versions of the kinds it uses.")
    parquet_types: Short | None = Field(
        None, description="What its cells are in Parquet, once it is complete."
    )
    image: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="The worker image it was planned with."
    )
    defaults: DefaultsStatus | None = Field(
        None, description="The chart's defaults it was planned with."
    )
    started_at: Time | None = Field(None, description="When it started.")
    finished_at: Time | None = Field(None, description="When it ended.")
    rows: Total | None = Field(None, description="Rows that are durable in every destination.")
    rows_total: Total | None = Field(None, description="Rows that are planned.")
    percent: Annotated[float, Field(ge=0, le=100)] | None = Field(
        None, description="The percent of planned rows that are durable, rounded down."
    )
    rows_per_second: Figure | None = Field(
        None, description="Rows that became durable a second of late; 0 while no pod gets on."
    )
    eta_seconds: Figure | None = Field(
        None, description="Seconds to go at that rate, while it is known."
    )
    rows_grew_at: Time | None = Field(
        None, description="When `rows` last grew; the rate is as of then."
    )
    last_updated: Time | None = Field(None, description="When any of this last changed.")
    batch_rows: Total | None = Field(None, description="Rows in the largest batch.")
    shards: Total | None = Field(None, description="Shards that are planned.")
    shards_done: Total | None = Field(None, description="Shards of which every batch is durable.")
    job: Short | None = Field(None, description="The Job of its shards.")
    rerun: Long | None = Field(None, description="The `rerun` that it was started with.")
    step: Short | None = Field(None, description="What finalize does now.")
    outcome: Outcome | None = Field(None, description="How it ended; absent while it has not.")
    reason: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="Why it ended so, in one word for programs."
    )
    message: Long | None = Field(None, description="Why it ended so, for people.")
    resume: Long | None = Field(None, description="The last request to resume that was met.")
    refused: RefusalStatus | None = Field(
        None, description="Why a destination last refused it, until it gets on."
    )
    checksum: Short | None = Field(None, description="Of all Parquet objects, once published.")
    replaces: ReplacedStatus | None = Field(
        None, description="The published run that it replaces once it is published itself."
    )


class TableStatus(Model):
    """How far one table is."""

    name: Annotated[str, Field(max_length=63)] = Field(description="The table's name.")
    rows: Total | None = Field(None, description="Rows that are durable in every destination.")
    rows_total: Total | None = Field(None, description="Rows that are planned.")
    batches: Total | None = Field(None, description="Batches that are planned.")
    batch_rows: Total | None = Field(None, description="Rows of a batch, the last one's aside.")
    completed_batches: Long | None = Field(
        None, description="Durable batches as intervals, such as 0-41,57."
    )


class PastRunStatus(Model):
    """A run that has ended."""

    number: Total = Field(description="The run's number.")
    id: Short | None = Field(None, description="The run's id in the ledger.")
    digest: Short | None = Field(None, description="The digest of the spec that it made.")
    phase: Outcome | None = Field(None, description="How it ended.")
    started_at: Time | None = Field(None, description="When it started.")
    finished_at: Time | None = Field(None, description="When it ended.")
    rows: Total | None = Field(None, description="Rows that it made durable.")
    reason: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="Why it ended so, in one word for programs."
    )


class ExperimentStatus(Model):
    """What the operator last saw; derived, and never the record of what is durable."""

    observed_generation: Int64 | None = Field(
        None, description="The generation of the spec that this status is of."
    )
    digest: Short | None = Field(None, description="The spec digest of that generation.")
    rerun: Long | None = Field(None, description="The effective `rerun` of that generation.")
    phase: Phase | None = Field(None, description="The conditions in one word.")
    conditions: tuple[ConditionStatus, ...] | None = Field(
        None,
        max_length=16,
        description="What is so and why.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    workers: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="Pods of shards that have not ended."
    )
    selector: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="The label selector of the worker pods."
    )
    operator: OperatorStatus | None = Field(None, description="Whose the Experiment is.")
    run: RunStatus | None = Field(None, description="The newest run.")
    tables: tuple[TableStatus, ...] | None = Field(
        None, max_length=MAX_TABLES, description="How far each table is, unfinished ones first."
    )
    history: tuple[PastRunStatus, ...] | None = Field(
        None,
        max_length=MAX_HISTORY,
        description="The last ended runs, as many as `runHistoryLimit`, and the published one.",
    )
