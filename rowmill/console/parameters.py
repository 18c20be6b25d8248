"""Parameters that several paths take, with their bounds."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from rowmill.spec.run_bounds import BATCH_ROWS, WORKERS

LIMIT = 1_000
# As Kubernetes has it: what is longer is no experiment's name.
_MOST_CHARACTERS = 253

Name = Annotated[
    str, Path(max_length=_MOST_CHARACTERS, description="The experiment's name.", examples=["shop"])
]
TableName = Annotated[
    str, Path(max_length=_MOST_CHARACTERS, description="The table's name.", examples=["orders"])
]
Offset = Annotated[int, Query(ge=0, lt=2**63, description="The first row's number, from 0.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT, description="So many at most.")]
Restart = Annotated[
    bool,
    Query(
        description="Drop the work of an unfinished run, and let a run of fewer rows replace the "
        "published one; else either is 409."
    ),
]
Workers = Annotated[
    int | None,
    Query(ge=WORKERS.least, le=WORKERS.most, description="Instead of the manifest's parallelism."),
]
BatchRows = Annotated[
    int | None,
    Query(
        alias="batchRows",
        ge=BATCH_ROWS.least,
        le=BATCH_ROWS.most,
        description="Instead of the manifest's batchRows.",
    ),
]


def agreed_by(restart: bool) -> frozenset[str] | None:
    """Which published runs one of fewer rows may replace: with `restart` all, else none."""
    return None if restart else frozenset()
