"""The runs that the first Rowmill whose records must last has left, each in a state of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.integration.experiments import Manifest, manifest

COMMIT = "b1701de"
ENGINE = "older"
# The maker's, in whose place every test has one of its own.
BUCKET = "older-bucket"
LEDGER = "rowmill"
EARLIER_SEED = 7
BOTH = ("postgres", "parquet")

# Where the functions stand in that commit's own tree.
_LOAD = "rowmill.destinations.copy_loader:PostgresLoader.load"
_RECORD = "rowmill.destinations.ledger_bucket:BucketLedger.record_part"
_MOVE = "rowmill.destinations.ledger_bucket:BucketLedger.transition"
_SWAP = "rowmill.destinations.warehouse:Warehouse.publish"
_COMPLETE = "rowmill.destinations.lake:Lake.complete"
_CLEAN = "rowmill.destinations.lake:Lake.clean"


@dataclass(frozen=True)
class Stop:
    """Where a process of the run stands still: before its `call`-th call of `place`.

    `place` is MODULE:CLASS.METHOD of that commit. The run is killed there, or with `abort` by its
    own `rowmill abort`; with `dies` each of its workers kills itself there, until it FAILED.
    """

    place: str
    call: int = 1
    abort: bool = False
    dies: bool = False


@dataclass(frozen=True)
class OlderRun:
    """An experiment, and how its newest run was left.

    Args:
        name: the experiment's.
        state: of its newest run in the ledger.
        destinations: what it loads.
        stop: where that run was stopped; None of one that came to its end.
        over: a run with EARLIER_SEED was published before it.
        reset: its data was removed after it was published.
        marks: rows of its table marks, in batches of 1,000.
    """

    name: str
    state: str
    destinations: tuple[str, ...] = BOTH
    stop: Stop | None = None
    over: bool = False
    reset: bool = False
    marks: int = 1_040

    @property
    def manifest(self) -> Manifest:
        return manifest(
            self.name,
            tables=_tables(self.marks),
            postgres={"secretName": "warehouse"} if "postgres" in self.destinations else None,
            parquet=(
                {"secretName": "lake", "bucket": BUCKET} if "parquet" in self.destinations else None
            ),
            **({"retriesPerShard": 0} if self.stop and self.stop.dies else {}),
        )


def _tables(marks: int) -> Sequence[Manifest]:
    return (
        {
            "name": "people",
            "rows": 30,
            "primaryKey": ["id"],
            "columns": [
                {"name": "id", "type": "bigint", "generate": {"sequence": {}}},
                {"name": "name", "type": "text", "generate": {"faker": {"provider": "name"}}},
                {"name": "born", "type": "date", "nulls": 0.1},
            ],
        },
        {
            "name": "marks",
            "rows": marks,
            "primaryKey": ["id"],
            "columns": [
                {"name": "id", "type": "integer", "generate": {"sequence": {}}},
                {"name": "mark", "type": "smallint", "generate": {"integer": {"min": 1, "max": 6}}},
            ],
        },
        {
            "name": "visits",
            "rows": 20,
            "columns": [
                {
                    "name": "person",
                    "type": "bigint",
                    "references": {"table": "people", "column": "id"},
                },
                {"name": "price", "type": "numeric(8,2)"},
                {"name": "seen", "type": "timestamptz"},
            ],
        },
    )


# The part of people is recorded by then, and a batch of marks is committed.
_AMID = Stop(_LOAD, 3)
# The pieces of the second part are uploaded, its record is not written.
_AMID_BUCKET = Stop(_RECORD, 2)

LOADING = OlderRun("loading", "RUNNING", stop=Stop(_LOAD, 4), marks=2_100)
PUBLISHED = OlderRun("published", "COMPLETED")
BUCKET_PUBLISHED = OlderRun("bucket-published", "COMPLETED", ("parquet",))
UNFINISHED = (
    LOADING,
    OlderRun("replacing", "RUNNING", stop=_AMID, over=True),
    OlderRun("finalizing", "FINALIZING", stop=Stop(_SWAP)),
    OlderRun("publishing", "PUBLISHING", stop=Stop(_COMPLETE)),
    OlderRun("cleaning", "PUBLISHING", stop=Stop(_CLEAN), over=True),
    OlderRun("aborted", "ABORTED", stop=Stop(_LOAD, 3, abort=True)),
    OlderRun("failed", "FAILED", stop=Stop(_LOAD, 2, dies=True)),
    OlderRun("postgres-loading", "RUNNING", ("postgres",), _AMID),
    OlderRun("bucket-loading", "RUNNING", ("parquet",), _AMID_BUCKET),
    OlderRun("bucket-finalizing", "FINALIZING", ("parquet",), Stop(_MOVE, 2)),
    OlderRun("bucket-publishing", "PUBLISHING", ("parquet",), Stop(_COMPLETE)),
    OlderRun("bucket-replacing", "RUNNING", ("parquet",), _AMID_BUCKET, over=True),
)
ENDED = (
    PUBLISHED,
    BUCKET_PUBLISHED,
    OlderRun("reset", "RESET", reset=True),
    OlderRun("bucket-reset", "RESET", ("parquet",), reset=True),
)
# Run by pods, not by the one-machine engine: shard 0 is done, that of shard 1 was killed.
POD = OlderRun("pod", "RUNNING", stop=Stop(_LOAD, 2))
POD_ENGINE = "cluster"
POD_NAMESPACE = "team"
EVERY = (*UNFINISHED, *ENDED)
