"""The status of an Experiment, as the operator writes it: bounded, whatever the number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from rowmill.spec.fields import Int64

# Of what is written. Of more, which a later release may have written, a part is read.
MAX_CONDITIONS = 16
MAX_TABLES = 200
MAX_HISTORY = 1_000

Phase = Literal["Pending", "Running", "Finalizing", "Complete", "Failed", "Suspended", "Reset"]
Holds = Literal["True", "False", "Unknown"]
Outcome = Literal["Complete", "Failed", "Aborted", "Reset"]
Total = Annotated[Int64, Field(ge=0)]
Figure = Annotated[float, Field(ge=0)]
Short = Annotated[str, Field(max_length=253)]
Long = Annotated[str, Field(max_length=32_768)]
Word = Annotated[str, Field(max_length=1024)]
Address = Annotated[str, Field(max_length=2048)]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
# An `Outcome`, or an end of which only a later release knows what it is: a run that has one has
# ended, and the word is kept.
End = Annotated[str, WithJsonSchema({"type": "string", "enum": list(get_args(Outcome))})]

# An operator of another release may have written it, with fields that are none here.
_CONFIG = ConfigDict(alias_generator=to_camel, extra="ignore")


@dataclass(frozen=True, slots=True)
class ConditionStatus:
    """One thing that is so, is not, or is not known."""

    __pydantic_config__: ClassVar = _CONFIG

    type: Annotated[
        str,
        Field(
            max_length=316,
            description="Accepted, Progressing, Complete, Failed, Suspended, Verified, Stalled or "
            "Reconciling.",
        ),
    ]
    status: Annotated[Holds, Field(description="Whether it is so.")]
    reason: Annotated[Word, Field(description="Why, in one word for programs.")] = ""
    message: Annotated[Long, Field(description="Why, in a sentence for people.")] = ""
    observed_generation: Annotated[
        Int64 | None, Field(description="The generation of the spec that it was judged by.")
    ] = None
    last_transition_time: Annotated[
        Time | None, Field(description="When `status` last changed.")
    ] = None


@dataclass(frozen=True, slots=True)
class RefusalStatus:
    """What a destination said; the run is tried again every minute."""

    __pydantic_config__: ClassVar = _CONFIG

    reason: Annotated[Word, Field(description="Why, in one word for programs.")]
    message: Annotated[Long, Field(description="Why, in a sentence for people.")] = ""


@dataclass(frozen=True, slots=True)
class ReplacedStatus:
    """The run whose data readers see until a newer one is published."""

    __pydantic_config__: ClassVar = _CONFIG

    run: Annotated[Total, Field(description="Its number.")]
    rows: Annotated[Total, Field(description="Its rows.")]


@dataclass(frozen=True, slots=True)
class PostgresDefaultStatus:
    """The chart's Postgres."""

    __pydantic_config__: ClassVar = _CONFIG

    secret_name: Annotated[Short | None, Field(description="Its Secret.")] = None


@dataclass(frozen=True, slots=True)
class ParquetDefaultStatus:
    """The chart's bucket."""

    __pydantic_config__: ClassVar = _CONFIG

    bucket: Annotated[Short | None, Field(description="Its name.")] = None
    endpoint: Annotated[Address | None, Field(description="The URL of its server.")] = None
    region: Annotated[Short | None, Field(description="Its region.")] = None
    secret_name: Annotated[Short | None, Field(description="Its Secret.")] = None


@dataclass(frozen=True, slots=True)
class DefaultsStatus:
    """What the chart gave destinations that name no server when the run was planned."""

    __pydantic_config__: ClassVar = _CONFIG

    postgres: Annotated[PostgresDefaultStatus | None, Field(description="For Postgres.")] = None
    parquet: Annotated[ParquetDefaultStatus | None, Field(description="For Parquet.")] = None


@dataclass(frozen=True, slots=True)
class OperatorStatus:
    """The operator that keeps the Experiment; others leave it alone."""

    __pydantic_config__: ClassVar = _CONFIG

    engine: Annotated[Short, Field(description="The engineId that owns, or is to own, its data.")]
    release: Annotated[
        Short | None, Field(description="NAMESPACE/NAME of the chart's release.")
    ] = None


@dataclass(frozen=True, slots=True)
class ResetStatus:
    """The last request to reset the run."""

    __pydantic_config__: ClassVar = _CONFIG

    request: Annotated[Short, Field(description="The annotation's value: `N` or `N.k`.")]
    finished_at: Annotated[
        Time | None,
        Field(description="When it ended; absent of one from before the run began."),
    ] = None
    tables: Annotated[Total | None, Field(description="Tables that went.")] = None
    rows: Annotated[Total | None, Field(description="Rows that went.")] = None
    objects: Annotated[Total | None, Field(description="Parquet objects that went.")] = None
    reason: Annotated[
        Word | None, Field(description="Why all data stays, in one word for programs.")
    ] = None
    message: Annotated[Word | None, Field(description="Why all data stays, for people.")] = None


@dataclass(frozen=True, slots=True)
class VerificationStatus:
    """What became of the last request to verify published data."""

    __pydantic_config__: ClassVar = _CONFIG

    request: Annotated[Short, Field(description="The annotation's value: `N` or `N.k`.")]
    run: Annotated[Total, Field(description="The number of the run that was verified.")]
    finished_at: Annotated[Time, Field(description="When it ended.")]
    identical: Annotated[
        bool | None,
        Field(description="Whether each destination holds its rows; absent if it is not known."),
    ] = None
    rows: Annotated[Total | None, Field(description="Rows that were compared.")] = None
    checksum: Annotated[Short | None, Field(description="The data checksum.")] = None
    differences: Annotated[
        Total | None, Field(description="Rows that differ, as far as they were counted.")
    ] = None
    where: Annotated[Word | None, Field(description="The first place that differs.")] = None
    reason: Annotated[
        Word | None, Field(description="Why it is not known, in one word for programs.")
    ] = None
    message: Annotated[Word | None, Field(description="Why it is not known, for people.")] = None


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The newest run."""

    __pydantic_config__: ClassVar = _CONFIG

    number: Annotated[Total | None, Field(description="1 for the first run, and so on.")] = None
    id: Annotated[Short | None, Field(description="The run's id in the ledger.")] = None
    digest: Annotated[Short | None, Field(description="The digest of the spec that it makes.")] = (
        None
    )
    data_version: Annotated[
        Total | None, Field(description="The versions of the kinds it uses.")
    ] = None
    parquet_types: Annotated[
        Short | None, Field(description="What its cells are in Parquet, once it is complete.")
    ] = None
    image: Annotated[
        Word | None,
        Field(description="The worker image it was planned with."),
    ] = None
    defaults: Annotated[
        DefaultsStatus | None, Field(description="The chart's defaults it was planned with.")
    ] = None
    started_at: Annotated[Time | None, Field(description="When it started.")] = None
    finished_at: Annotated[Time | None, Field(description="When it ended.")] = None
    rows: Annotated[
        Total | None, Field(description="Rows that are durable in every destination.")
    ] = None
    rows_total: Annotated[Total | None, Field(description="Rows that are planned.")] = None
    percent: Annotated[
        Annotated[float, Field(ge=0, le=100)] | None,
        Field(description="The percent of planned rows that are durable, rounded down."),
    ] = None
    rows_per_second: Annotated[
        Figure | None,
        Field(description="Rows that became durable a second of late; 0 while no pod gets on."),
    ] = None
    eta_seconds: Annotated[
        Figure | None, Field(description="Seconds to go at that rate, while it is known.")
    ] = None
    rows_grew_at: Annotated[
        Time | None, Field(description="When `rows` last grew; the rate is as of then.")
    ] = None
    last_updated: Annotated[Time | None, Field(description="When any of this last changed.")] = None
    batch_rows: Annotated[Total | None, Field(description="Rows in the largest batch.")] = None
    shards: Annotated[Total | None, Field(description="Shards that are planned.")] = None
    shards_done: Annotated[
        Total | None, Field(description="Shards of which every batch is durable.")
    ] = None
    job: Annotated[Short | None, Field(description="The Job of its shards.")] = None
    rerun: Annotated[Long | None, Field(description="The `rerun` that it was started with.")] = None
    step: Annotated[Short | None, Field(description="What finalize does now.")] = None
    outcome: Annotated[End | None, Field(description="How it ended; absent while it has not.")] = (
        None
    )
    reason: Annotated[
        Word | None,
        Field(description="Why it ended so, in one word for programs."),
    ] = None
    message: Annotated[Long | None, Field(description="Why it ended so, for people.")] = None
    resume: Annotated[
        Long | None, Field(description="The last request to resume that was met.")
    ] = None
    refused: Annotated[
        RefusalStatus | None,
        Field(description="Why a destination last refused it, until it gets on."),
    ] = None
    checksum: Annotated[
        Short | None, Field(description="Of all Parquet objects, once published.")
    ] = None
    replaces: Annotated[
        ReplacedStatus | None,
        Field(description="The published run that it replaces once it is published itself."),
    ] = None
    reset: Annotated[
        ResetStatus | None, Field(description="The last request to reset it that was met.")
    ] = None


@dataclass(frozen=True, slots=True)
class TableStatus:
    """How far one table is."""

    __pydantic_config__: ClassVar = _CONFIG

    name: Annotated[str, Field(max_length=63, description="The table's name.")]
    rows: Annotated[
        Total | None, Field(description="Rows that are durable in every destination.")
    ] = None
    rows_total: Annotated[Total | None, Field(description="Rows that are planned.")] = None
    batches: Annotated[Total | None, Field(description="Batches that are planned.")] = None
    batch_rows: Annotated[
        Total | None, Field(description="Rows of a batch; the last of each part may have fewer.")
    ] = None
    completed_batches: Annotated[
        Long | None, Field(description="Durable batches as intervals, such as 0-41,57.")
    ] = None


@dataclass(frozen=True, slots=True)
class PastRunStatus:
    """A run that has ended."""

    __pydantic_config__: ClassVar = _CONFIG

    number: Annotated[Total, Field(description="The run's number.")]
    id: Annotated[Short | None, Field(description="The run's id in the ledger.")] = None
    digest: Annotated[Short | None, Field(description="The digest of the spec that it made.")] = (
        None
    )
    phase: Annotated[End | None, Field(description="How it ended.")] = None
    started_at: Annotated[Time | None, Field(description="When it started.")] = None
    finished_at: Annotated[Time | None, Field(description="When it ended.")] = None
    rows: Annotated[Total | None, Field(description="Rows that it made durable.")] = None
    reason: Annotated[
        Word | None,
        Field(description="Why it ended so, in one word for programs."),
    ] = None


@dataclass(frozen=True, slots=True)
class ExperimentStatus:
    """What the operator last saw; derived, and never the record of what is durable."""

    __pydantic_config__: ClassVar = _CONFIG

    observed_generation: Annotated[
        Int64 | None, Field(description="The generation of the spec that this status is of.")
    ] = None
    digest: Annotated[Short | None, Field(description="The spec digest of that generation.")] = None
    rerun: Annotated[
        Long | None, Field(description="The effective `rerun` of that generation.")
    ] = None
    phase: Annotated[Phase | None, Field(description="The conditions in one word.")] = None
    conditions: Annotated[
        tuple[ConditionStatus, ...] | None,
        Field(
            description="What is so and why.",
            json_schema_extra={
                "maxItems": MAX_CONDITIONS,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = None
    workers: Annotated[
        Annotated[int, Field(ge=0, le=2**31 - 1)] | None,
        Field(description="Pods of shards that have not ended."),
    ] = None
    selector: Annotated[
        Word | None,
        Field(description="The label selector of the worker pods."),
    ] = None
    operator: Annotated[OperatorStatus | None, Field(description="Whose the Experiment is.")] = None
    run: Annotated[RunStatus | None, Field(description="The newest run.")] = None
    verification: Annotated[
        VerificationStatus | None, Field(description="The last verification.")
    ] = None
    tables: Annotated[
        tuple[TableStatus, ...] | None,
        Field(
            description="How far each table is, unfinished ones first.",
            json_schema_extra={"maxItems": MAX_TABLES},
        ),
    ] = None
    history: Annotated[
        tuple[PastRunStatus, ...] | None,
        Field(
            description="The last ended runs, as many as `runHistoryLimit`, and the published one.",
            json_schema_extra={"maxItems": MAX_HISTORY},
        ),
    ] = None
